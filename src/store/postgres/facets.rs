//! The facets that documents carry, kept beside them for an index inside the database.

use sqlx::{PgConnection, Postgres, QueryBuilder};

use super::{raw_ids, storable};
use crate::store::StoreError;
use crate::store::rows::{DOCUMENTS, DocumentRow, json};
use crate::types::{Document, DocumentId, document_facets};

/// Documents that are read and written at a time.
const PART: usize = 1_000;

/// Writes the facets of documents anew. The transaction holds their rows and, so that their readers stay what they are,
/// those of their collections.
pub(super) async fn write_facets(tx: &mut PgConnection, ids: &[DocumentId]) -> Result<(), StoreError> {
    for part in ids.chunks(PART) {
        let mut sql = QueryBuilder::<Postgres>::new(DOCUMENTS);
        sql.push(" where d.id = any(").push_bind(raw_ids(part)).push(")");
        let rows: Vec<DocumentRow> = sql.build_query_as().fetch_all(&mut *tx).await?;
        let documents = rows.into_iter().map(Document::try_from).collect::<Result<Vec<_>, _>>()?;
        let facets: Vec<String> = documents.iter().map(facets_column).collect();
        let known: Vec<DocumentId> = documents.iter().map(|document| document.id).collect();
        let write = "update documents d set facets = new.facets
            from (select id, array(select json_array_elements_text(list::json)) as facets
                from unnest($1::bytea[], $2::text[]) as lists (id, list)) new
            where d.id = new.id and d.facets is distinct from new.facets";
        sqlx::query(write).bind(raw_ids(&known)).bind(facets).execute(&mut *tx).await?;
    }
    Ok(())
}

fn facets_column(document: &Document) -> String {
    let facets = document_facets(document);
    json(&facets.iter().map(|facet| storable(facet)).collect::<Vec<_>>())
}
