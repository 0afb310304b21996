-- The truth: collections, documents, their text, chunks, embeddings, the change log and the journal of runs.
-- Everything lives in the first schema of the connection's search_path.

create table collections (
    id bigint generated always as identity primary key,
    name text not null unique,
    created_at_ms bigint not null
);

-- A document's id is a hash of its collection and URI, so the two need no unique index of their own; a URI may be
-- longer than an index allows. JSON is text, so that both databases decode it alike.
create table documents (
    id bytea primary key,
    collection_id bigint not null references collections (id),
    uri text not null,
    media_type text not null,
    title text not null,
    metadata text not null,
    state text not null check (state in ('ready', 'failed')),
    failure_code text,
    failure_message text,
    source_bytes bigint not null,
    source_modified_ns bigint not null,
    source_sha256 text not null,
    text_bytes bigint not null,
    warnings text not null,
    updated_at_ms bigint not null
);

create index documents_by_collection on documents (collection_id, id);
create index documents_failed on documents (id) where state = 'failed';

-- The extracted text is bytes, so that substring counts them as spans do. It is not compressed: a piece of it is read
-- without the rest.
create table texts (
    document_id bytea primary key references documents (id) on delete cascade,
    body bytea not null,
    pages text not null
);
alter table texts alter column body set storage external;

create table chunks (
    id bigint generated always as identity primary key,
    document_id bytea not null references documents (id) on delete cascade,
    span_start bigint not null,
    span_end bigint not null,
    page_first bigint,
    page_last bigint,
    heading_path text not null,
    text_hash bytea not null
);

-- Vectors do not compress.
create table embeddings (
    model text not null,
    text_hash bytea not null,
    vector real[] not null,
    primary key (model, text_hash)
);
alter table embeddings alter column vector set storage external;

-- What followers read. A row is written in the transaction that makes it true. Numbers are handed out before commit;
-- whoever writes here takes an advisory lock before, so that they become visible in their order.
create table changes (
    seq bigint generated always as identity primary key,
    document_id bytea not null,
    kind text not null check (kind in ('put', 'embedded', 'delete'))
);

-- Wakes whoever follows, in this process and in others.
create function notify_of_change() returns trigger language plpgsql as $$
begin
    perform pg_notify('ibid_changes', '');
    return null;
end
$$;
create trigger changes_notify after insert on changes for each statement execute function notify_of_change();

-- Checkpoints of the views that cannot commit one together with their data.
create table checkpoints (
    view text primary key,
    seq bigint not null
);

create table settings (
    name text primary key,
    value text not null
);

create table runs (
    id text primary key,
    thread_id text not null,
    state text not null check (state in ('running', 'finished', 'failed', 'cancelled')),
    model text not null,
    started_at_ms bigint not null,
    finished_at_ms bigint,
    error_code text
);

create table run_steps (
    run_id text not null references runs (id) on delete cascade,
    name text not null,
    result text not null,
    took_ms bigint not null,
    primary key (run_id, name)
);
