-- The truth: collections, documents, their text, chunks, embeddings, the change log and the journal of runs.

create table collections (
    id integer primary key autoincrement,
    name text not null unique,
    created_at_ms integer not null
) strict;

create table documents (
    id blob primary key,
    collection_id integer not null references collections (id),
    uri text not null,
    media_type text not null,
    title text not null,
    metadata text not null,
    state text not null check (state in ('ready', 'failed')),
    embedded integer not null default 0,
    failure_code text,
    failure_message text,
    source_bytes integer not null,
    source_modified_ns integer not null,
    source_sha256 text not null,
    chunk_count integer not null,
    text_bytes integer not null,
    warnings text not null,
    updated_at_ms integer not null,
    unique (collection_id, uri)
) strict, without rowid;

create index documents_to_embed on documents (chunk_count) where state = 'ready' and embedded = 0;
create index documents_failed on documents (collection_id, uri) where state = 'failed';

-- The extracted text is a blob, so that SQLite's substr counts bytes as spans do.
create table texts (
    document_id blob primary key references documents (id) on delete cascade,
    body blob not null,
    pages text not null
) strict;

create table chunks (
    id integer primary key autoincrement,
    document_id blob not null references documents (id) on delete cascade,
    span_start integer not null,
    span_end integer not null,
    page_first integer,
    page_last integer,
    heading_path text not null,
    text_hash blob not null
) strict;

create index chunks_by_document on chunks (document_id, span_start);
create index chunks_by_hash on chunks (text_hash);

create table embeddings (
    model text not null,
    text_hash blob not null,
    vector blob not null,
    primary key (model, text_hash)
) strict, without rowid;

-- What followers read. A row is written in the transaction that makes it true.
create table changes (
    seq integer primary key autoincrement,
    document_id blob not null,
    kind text not null check (kind in ('put', 'embedded', 'delete'))
) strict;

-- Checkpoints of the views that cannot commit one together with their data.
create table checkpoints (
    view text primary key,
    seq integer not null
) strict, without rowid;

create table settings (
    name text primary key,
    value text not null
) strict, without rowid;

create table runs (
    id text primary key,
    thread_id text not null,
    state text not null check (state in ('running', 'finished', 'failed', 'cancelled')),
    model text not null,
    started_at_ms integer not null,
    finished_at_ms integer,
    error_code text
) strict, without rowid;

create table run_steps (
    run_id text not null references runs (id) on delete cascade,
    name text not null,
    result text not null,
    took_ms integer not null,
    primary key (run_id, name)
) strict, without rowid;
