-- Generations: each has a model, a way to chunk, and chunks of its own. Readers: who may read a document. Leases: work that
-- one process at a time does.

create table generations (
    id integer primary key autoincrement,
    model text,
    chunking text,
    serving integer not null default 0 check (serving in (0, 1)),
    created_at_ms integer not null,
    served_at_ms integer,
    score text
) strict;

create unique index generations_serving on generations (serving) where serving = 1;

-- What was indexed so far is the first generation.
insert into generations (model, serving, created_at_ms)
    values ((select value from settings where name = 'embedding_model'), 1, unixepoch() * 1000);
delete from settings where name = 'embedding_model';

-- A document's chunks in a generation, as one: how many there are, and whether their vectors are complete.
create table chunkings (
    document_id blob not null references documents (id) on delete cascade,
    generation integer not null references generations (id),
    chunk_count integer not null,
    embedded integer not null default 0 check (embedded in (0, 1)),
    lease_owner text,
    lease_until_ms integer,
    primary key (document_id, generation)
) strict, without rowid;

insert into chunkings (document_id, generation, chunk_count, embedded)
    select id, 1, chunk_count, embedded from documents where state = 'ready';
create index chunkings_to_embed on chunkings (generation, chunk_count) where embedded = 0;

drop index documents_to_embed;
alter table documents drop column embedded;
alter table documents drop column chunk_count;
-- Counts how often the document was written.
alter table documents add column revision integer not null default 1;
alter table documents add column readers text;
alter table collections add column readers text not null default '["everyone"]';

alter table chunks add column generation integer not null default 1;
drop index chunks_by_document;
create index chunks_by_document on chunks (document_id, generation, span_start);
create index chunks_by_generation on chunks (generation);

-- The body's span and the headings, so that the text can be chunked anew.
alter table texts add column outline text;
-- What was read before has none, so the next ingest reads it again; the same text is not embedded again.
update documents set source_modified_ns = -1, source_sha256 = '' where state = 'ready';

-- Null for what concerns every generation.
alter table changes add column generation integer;
-- The indexes have to hear who may read what they hold.
insert into changes (document_id, kind) select id, 'put' from documents where state = 'ready';

create table leases (
    name text primary key,
    owner text not null,
    until_ms integer not null
) strict, without rowid;

create table gold_queries (
    place integer primary key,
    query text not null,
    relevant text not null
) strict;
