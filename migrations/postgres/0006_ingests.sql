-- Ingests: what applied a plan, the work on each document, and what was removed, with what was found when it was looked for.

create table ingests (
    id text primary key,
    collection text not null,
    -- JSON: the first parts of the URIs.
    roots text not null,
    state text not null
        check (state in ('running', 'finished', 'failed', 'cancelled', 'refused', 'interrupted')),
    lease_until_ms bigint,
    started_at_ms bigint not null,
    finished_at_ms bigint,
    summary text,
    error text
);

create index ingests_running on ingests (collection) where state = 'running';

-- One row a document, of its latest work; without a foreign key, because a document that comes in is not there yet.
create table tasks (
    document_id bytea primary key,
    ingest_id text not null,
    uri text not null,
    bytes bigint not null,
    action text not null check (action in ('add', 'change', 'retry')),
    state text not null check (state in ('waiting', 'working', 'done', 'failed')),
    attempt bigint not null,
    lease_owner text,
    lease_until_ms bigint,
    retry_at_ms bigint,
    failure_code text,
    failure_message text,
    updated_at_ms bigint not null
);

create index tasks_open on tasks (state, document_id) where state <> 'done';

create table removals (
    number bigint generated always as identity primary key,
    -- The last change of the transaction that removed it.
    seq bigint not null,
    ingest_id text,
    document_id bytea not null,
    uri text not null,
    cause text not null check (cause in ('deleted', 'replaced', 'unreadable', 'moved')),
    moved_to bytea,
    text_sha256 text not null,
    text_bytes bigint not null,
    chunk_count bigint not null,
    -- JSON: ranges of numbers, both ends included.
    chunks text not null,
    removed_at_ms bigint not null,
    proof text
);

create index removals_by_ingest on removals (ingest_id, number);
create index removals_unproven on removals (seq) where proof is null;
