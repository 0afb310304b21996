-- What search needs beside the words: a document's language, what a chunk nearly repeats, and measurements that were kept.

-- ISO 639-1; null when it is unsure.
alter table documents add column language text;

-- 64 bits that nearly equal texts have nearly in common; null for chunks of earlier versions.
alter table chunks add column simhash bigint;

create table evaluations (
    id bigint generated always as identity primary key,
    dataset text not null,
    -- Of the queries and what answers them: reports on different ones are not compared.
    digest text not null,
    measured_at_ms bigint not null,
    report text not null
);

create index evaluations_by_digest on evaluations (digest, id);
