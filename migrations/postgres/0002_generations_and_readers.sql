-- Generations: each has a model, a way to chunk, and chunks of its own. Readers: who may read a document. Leases: work that
-- one process at a time does.

create table generations (
    id bigint generated always as identity primary key,
    model text,
    chunking text,
    serving boolean not null default false,
    created_at_ms bigint not null,
    served_at_ms bigint,
    score text
);

create unique index generations_serving on generations (serving) where serving;

insert into generations (serving, created_at_ms)
    values (true, (extract(epoch from clock_timestamp()) * 1000)::bigint);

create trigger generations_notify after insert or update or delete on generations
    for each statement execute function notify_of_change();

-- A document's chunks in a generation, as one: how many there are, and whether their vectors are complete.
create table chunkings (
    document_id bytea not null references documents (id) on delete cascade,
    generation bigint not null references generations (id),
    chunk_count bigint not null,
    embedded boolean not null default false,
    lease_owner text,
    lease_until timestamptz,
    lease_length interval,
    primary key (document_id, generation)
);

create index chunkings_to_embed on chunkings (generation, chunk_count, document_id) where not embedded;
create index chunkings_leased on chunkings (lease_owner) where lease_owner is not null;

-- Counts how often the document was written.
alter table documents add column revision bigint not null default 1;
alter table documents add column readers text;
-- What filters match, readers included: an index inside the database reads it in the transaction that changes it.
alter table documents add column facets text[] not null default '{}';
alter table collections add column readers text not null default '["everyone"]';

alter table chunks add column generation bigint not null;
create index chunks_by_document on chunks (document_id, generation, span_start);
create index chunks_by_generation on chunks (generation);

-- The body's span and the headings, so that the text can be chunked anew.
alter table texts add column outline text;

-- Null for what concerns every generation.
alter table changes add column generation bigint;
-- The indexes have to hear who may read what they hold.
insert into changes (document_id, kind) select id, 'put' from documents where state = 'ready';

create table leases (
    name text primary key,
    owner text not null,
    lease_until timestamptz not null
);

create table gold_queries (
    place bigint primary key,
    query text not null,
    relevant text not null
);
