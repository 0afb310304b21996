-- What more formats bring: documents inside documents, tables and code, places other than pages, boxes on pages.

-- The archive or mail that a document came inside of; null for a file of its own. Without a foreign key, because what lies
-- inside is written before what contains it: a file counts as read only when all of it is there.
alter table documents add column container blob;

create index documents_by_container on documents (container) where container is not null;

-- Rectangles of lines on pages as JSON; null for texts without pages and for those of earlier versions.
alter table texts add column boxes text;

-- prose, code, table or list; null for chunks of earlier versions.
alter table chunks add column kind text;

-- Where it stands in a source without pages, such as Budget!A2:F40; null where pages say it.
alter table chunks add column location text;

-- Of a part of a table, the bytes of the text that its header fills.
alter table chunks add column header_start integer;
alter table chunks add column header_end integer;
