-- Threads and turns: whose conversation it is, what a run was asked, what it answered and cited, and the events that it sent.

create table threads (
    id text primary key,
    account text not null,
    title text not null,
    created_at_ms bigint not null,
    -- When the last turn began.
    updated_at_ms bigint not null,
    -- Null is never.
    expires_at_ms bigint,
    -- How many turns began, which is the number of the last one.
    turns bigint not null
);

create index threads_by_account on threads (account, updated_at_ms, id collate "C");
create index threads_by_expiry on threads (expires_at_ms) where expires_at_ms is not null;

-- Whoever ran the program had all of them.
insert into threads (id, account, title, created_at_ms, updated_at_ms, turns)
    select thread_id, 'owner', '', min(started_at_ms), max(started_at_ms), count(*) from runs group by thread_id;

-- The place in the thread, from 1.
alter table runs add column number bigint;
update runs set number = numbered.number
    from (select id, row_number() over (partition by thread_id order by started_at_ms, id collate "C") as number from runs)
        as numbered
    where numbered.id = runs.id;
alter table runs alter column number set not null;
alter table runs add foreign key (thread_id) references threads (id) on delete cascade;
alter table runs add column question text not null default '';
alter table runs add column search_query text;
alter table runs add column answer text;
alter table runs add column grounded boolean;
alter table runs add column withheld bigint not null default 0;
alter table runs add column tokens_in bigint;
alter table runs add column tokens_out bigint;
alter table runs add column cost_micros bigint;
alter table runs add column steps text not null default '[]';
alter table runs add column tools text not null default '[]';
alter table runs add column feedback text;
-- Whether events of it are kept.
alter table runs add column has_events boolean not null default false;

create unique index runs_by_thread on runs (thread_id, number);
create index runs_with_events on runs (finished_at_ms) where has_events;

create table run_events (
    run_id text not null references runs (id) on delete cascade,
    number bigint not null,
    event text not null,
    primary key (run_id, number)
);

create table citations (
    id text primary key,
    run_id text not null references runs (id) on delete cascade,
    -- The place in the answer's list.
    place bigint not null,
    document_id bytea not null,
    made_at_ms bigint not null,
    citation text not null
);

create unique index citations_by_run on citations (run_id, place);
