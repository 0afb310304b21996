-- Threads and turns: whose conversation it is, what a run was asked, what it answered and cited, and the events that it sent.

create table threads (
    id text primary key,
    account text not null,
    title text not null,
    created_at_ms integer not null,
    -- When the last turn began.
    updated_at_ms integer not null,
    -- Null is never.
    expires_at_ms integer,
    -- How many turns began, which is the number of the last one.
    turns integer not null
) strict, without rowid;

create index threads_by_account on threads (account, updated_at_ms, id);
create index threads_by_expiry on threads (expires_at_ms) where expires_at_ms is not null;

-- Whoever ran the program had all of them.
insert into threads (id, account, title, created_at_ms, updated_at_ms, turns)
    select thread_id, 'owner', '', min(started_at_ms), max(started_at_ms), count(*) from runs group by thread_id;

-- A column that refers to another table cannot be added, so runs and their steps are made anew.
create table turns (
    id text primary key,
    thread_id text not null references threads (id) on delete cascade,
    -- The place in the thread, from 1.
    number integer not null,
    state text not null check (state in ('running', 'finished', 'failed', 'cancelled')),
    error_code text,
    question text not null default '',
    search_query text,
    answer text,
    grounded integer check (grounded in (0, 1)),
    withheld integer not null default 0,
    model text not null,
    tokens_in integer,
    tokens_out integer,
    cost_micros integer,
    steps text not null default '[]',
    tools text not null default '[]',
    feedback text,
    -- Whether events of it are kept.
    has_events integer not null default 0 check (has_events in (0, 1)),
    started_at_ms integer not null,
    finished_at_ms integer
) strict, without rowid;

insert into turns (id, thread_id, number, state, error_code, model, started_at_ms, finished_at_ms)
    select id, thread_id, row_number() over (partition by thread_id order by started_at_ms, id), state, error_code, model,
        started_at_ms, finished_at_ms
    from runs;

create table turn_steps (
    run_id text not null references turns (id) on delete cascade,
    name text not null,
    result text not null,
    took_ms integer not null,
    primary key (run_id, name)
) strict, without rowid;

insert into turn_steps (run_id, name, result, took_ms) select run_id, name, result, took_ms from run_steps;

drop table run_steps;
drop table runs;
alter table turns rename to runs;
alter table turn_steps rename to run_steps;

create unique index runs_by_thread on runs (thread_id, number);
create index runs_with_events on runs (finished_at_ms) where has_events = 1;

create table run_events (
    run_id text not null references runs (id) on delete cascade,
    number integer not null,
    event text not null,
    primary key (run_id, number)
) strict, without rowid;

create table citations (
    id text primary key,
    run_id text not null references runs (id) on delete cascade,
    -- The place in the answer's list.
    place integer not null,
    document_id blob not null,
    made_at_ms integer not null,
    citation text not null
) strict, without rowid;

create unique index citations_by_run on citations (run_id, place);
