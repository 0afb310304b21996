//! The table of a generation, and the triggers that tie it to the truth.

use sqlx::{PgConnection, Row};

use super::{FACET_BYTES_MAX, PgvectorOptions, PgvectorStorage};

/// Counts how often the triggers were written differently: those of an older version are made anew.
const VERSION: u32 = 1;

/// The advisory lock of whoever makes tables here: "ibid" and a number.
const BUILD_LOCK: i64 = 0x6962_6964_0000_0002;

/// pgvector's limits for a graph over a column.
const VECTOR_DIMENSION_MAX: usize = 2_000;
const HALFVEC_DIMENSION_MAX: usize = 4_000;

/// What the table of a generation looks like.
#[derive(Debug)]
pub(super) struct Schema {
    generation: u32,
    pub(super) dimension: usize,
    storage: PgvectorStorage,
    m: u32,
    ef_construction: u32,
    /// The table's name.
    pub(super) table: String,
    /// The type of its vectors.
    pub(super) column: String,
}

/// What is found in the database.
#[derive(Debug)]
pub(super) struct Installed {
    pub(super) dimension: usize,
    column: String,
    comment: Option<String>,
}

impl Installed {
    /// Whether it is as this version makes it. How its graph is built is not asked: that changes when it is built anew.
    pub(super) fn is_current(&self, schema: &Schema) -> bool {
        self.column == schema.column && self.comment.as_deref() == Some(comment().as_str())
    }
}

fn comment() -> String {
    format!("a view of the truth, version {VERSION}: `ibid reindex` makes it anew")
}

/// Whether this version of pgvector has no iterative scans.
pub(super) fn is_old(version: &str) -> bool {
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) < (0, 8)
}

impl Schema {
    pub(super) fn of(options: &PgvectorOptions) -> Self {
        let kind = match options.storage {
            PgvectorStorage::Vector => "vector",
            PgvectorStorage::Halfvec => "halfvec",
        };
        Self {
            generation: options.generation,
            dimension: options.dimension,
            storage: options.storage,
            m: options.m,
            ef_construction: options.ef_construction,
            table: format!("vectors_g{}", options.generation),
            column: format!("{kind}({})", options.dimension),
        }
    }

    /// What is wrong with the number of dimensions.
    pub(super) fn check_dimension(&self) -> Result<(), String> {
        let max = match self.storage {
            PgvectorStorage::Vector => VECTOR_DIMENSION_MAX,
            PgvectorStorage::Halfvec => HALFVEC_DIMENSION_MAX,
        };
        if (1..=max).contains(&self.dimension) {
            return Ok(());
        }
        let advice = match self.storage {
            PgvectorStorage::Vector if self.dimension <= HALFVEC_DIMENSION_MAX => "; store them as halfvec",
            _ => "",
        };
        Err(format!("the vectors have {} dimensions, pgvector indexes 1 to {max}{advice}", self.dimension))
    }

    /// The table as it is now.
    pub(super) async fn installed(&self, connection: &mut PgConnection) -> Result<Option<Installed>, sqlx::Error> {
        let sql = "select format_type(a.atttypid, a.atttypmod) as kind, a.atttypmod::bigint as dimension,
                obj_description(a.attrelid, 'pg_class') as comment
            from pg_attribute a where a.attrelid = to_regclass($1) and a.attname = 'embedding'";
        let Some(row) = sqlx::query(sql).bind(&self.table).fetch_optional(connection).await? else { return Ok(None) };
        let kind: String = row.try_get("kind")?;
        Ok(Some(Installed {
            dimension: usize::try_from(row.try_get::<i64, _>("dimension")?).unwrap_or(0),
            // The type's schema stands before it when it is not searched.
            column: kind.rsplit('.').next().unwrap_or_default().to_owned(),
            comment: row.try_get("comment")?,
        }))
    }

    /// Waits for those who write to the truth and keeps others from it, so that nothing slips between what is copied and
    /// what the triggers see. The order is that in which the truth's writers take their locks.
    pub(super) fn lock_truth(&self) -> String {
        format!(
            "select pg_advisory_xact_lock({BUILD_LOCK});
            lock table documents, chunkings, chunks in share row exclusive mode;"
        )
    }

    /// Makes the table from the truth beside the old one, puts it in its place, and ties it to the truth.
    pub(super) fn build(&self) -> String {
        let Self { table, column, m, ef_construction, .. } = self;
        let (fill, triggers, comment) = (self.fill(&format!("{table}_new"), ""), self.triggers(), comment());
        format!(
            "create table {table}_new (
                chunk_id bigint primary key,
                document_id bytea not null,
                facets text[] not null,
                -- Null for a vector without a direction.
                embedding {column}
            );
            {fill};
            create index on {table}_new using hnsw (embedding {ops})
                with (m = {m}, ef_construction = {ef_construction});
            create index on {table}_new using gin (facets);
            create index on {table}_new (document_id);
            create index on {table}_new (chunk_id) where embedding is null;
            drop table if exists {table};
            alter table {table}_new rename to {table};
            comment on table {table} is '{comment}';
            {triggers}",
            ops = self.operators(),
        )
    }

    fn operators(&self) -> &'static str {
        match self.storage {
            PgvectorStorage::Vector => "vector_cosine_ops",
            PgvectorStorage::Halfvec => "halfvec_cosine_ops",
        }
    }

    /// Copies what the truth holds, as far as `condition` goes. A vector that cannot be compared is left out: it must not
    /// keep the truth from being written.
    fn fill(&self, into: &str, condition: &str) -> String {
        let Self { generation, dimension, column, .. } = self;
        let facets = indexed_facets("d.facets");
        format!(
            "insert into {into} (chunk_id, document_id, facets, embedding)
            select c.id, c.document_id, {facets}, case when vector_norm(e.vector::vector) > 0
                then l2_normalize(e.vector::vector)::{column} end
            from chunkings k join documents d on d.id = k.document_id
            join chunks c on c.document_id = k.document_id and c.generation = k.generation
            join generations g on g.id = k.generation
            join embeddings e on e.model = g.model and e.text_hash = c.text_hash
            where k.generation = {generation} and k.embedded {condition}
                and cardinality(e.vector) = {dimension}
                and not e.vector && array['NaN', 'Infinity', '-Infinity']::real[]
            on conflict (chunk_id) do nothing"
        )
    }

    /// The functions find the truth where it is found at this moment, whoever calls them later.
    fn triggers(&self) -> String {
        let Self { generation, table, .. } = self;
        let fill = self.fill(table, "and k.document_id = new.document_id");
        let facets = indexed_facets("new.facets");
        format!(
            "create or replace function {table}_embedded() returns trigger language plpgsql
                set search_path from current as $$
            begin
                -- Its facets stay what they are until its rows are there to follow them.
                perform 1 from documents where id = new.document_id for share;
                {fill};
                return null;
            end $$;
            create or replace trigger {table}_embedded after update of embedded on chunkings for each row
                when (new.generation = {generation} and new.embedded and not old.embedded)
                execute function {table}_embedded();

            create or replace function {table}_facets() returns trigger language plpgsql
                set search_path from current as $$
            begin
                update {table} set facets = {facets} where document_id = new.id;
                return null;
            end $$;
            create or replace trigger {table}_facets after update of facets on documents for each row
                when (new.facets is distinct from old.facets) execute function {table}_facets();

            create or replace function {table}_gone() returns trigger language plpgsql
                set search_path from current as $$
            begin
                delete from {table} v using gone where v.chunk_id = gone.id;
                return null;
            end $$;
            create or replace trigger {table}_gone after delete on chunks referencing old table as gone
                for each statement execute function {table}_gone();"
        )
    }

    /// Removes all that [`Self::build`] makes. Functions go with their triggers, and the truth's tables are locked in order.
    pub(super) fn drop_all(&self) -> String {
        let (lock, table) = (self.lock_truth(), &self.table);
        format!(
            "{lock}
            drop function if exists {table}_facets() cascade;
            drop function if exists {table}_embedded() cascade;
            drop function if exists {table}_gone() cascade;
            drop table if exists {table};"
        )
    }
}

/// The expression of what [`super::indexed_facet`] makes of each.
fn indexed_facets(facets: &str) -> String {
    format!(
        "array(select case when octet_length(facet) > {FACET_BYTES_MAX}
            then '#' || encode(sha256(convert_to(facet, 'UTF8')), 'hex') else facet end
            from unnest({facets}) as facet)"
    )
}
