//! One physical collection a generation, made where it is absent, and the alias in front of them.
#![expect(deprecated, reason = "`memory`, which replaces `on_disk` and `always_ram`, is not known to older servers")]

use qdrant_client::qdrant::alias_operations::Action;
use qdrant_client::qdrant::payload_index_params::IndexParams;
use qdrant_client::qdrant::quantization_config::Quantization;
use qdrant_client::qdrant::vectors_config::Config;
use qdrant_client::qdrant::{
    AliasOperations, BinaryQuantization, ChangeAliases, CollectionInfo, CreateAlias, CreateCollection,
    CreateFieldIndexCollection, DeleteAlias, DeleteCollection, Distance, FieldType, GetCollectionInfoRequest,
    HnswConfigDiff, KeywordIndexParams, ListAliasesRequest, PayloadIndexParams, QuantizationConfig, QuantizationType,
    ScalarQuantization, VectorParams, VectorsConfig,
};
use tonic::Code;

use super::super::VectorError;
use super::connection::Connection;
use super::points::{DOCUMENT, FACETS, applied};
use super::{QdrantOptions, Quantisation};

/// Links of a point in the graph, and candidates while it is built: the choices of the index in the process.
const GRAPH_LINKS: u64 = 16;
const GRAPH_BREADTH: u64 = 128;

/// Makes the collection where it is absent, with an index on every field that a filter names; refuses one that holds
/// something else.
pub(super) async fn ensure(connection: &Connection, options: &QdrantOptions, name: &str) -> Result<(), VectorError> {
    let info = match describe(connection, name).await? {
        Some(info) => info,
        None => make(connection, options, name).await?,
    };
    check(&info, options.dimension, name)?;
    for (field, params) in indexes(options) {
        if !info.payload_schema.contains_key(field) {
            index_field(connection, name, field, params).await?;
        }
    }
    Ok(())
}

/// Lets the alias stand for the collection, and for no other: readers see the one or the other and never neither.
pub(super) async fn promote(connection: &Connection, alias: &str, name: &str) -> Result<(), VectorError> {
    let switch = || {
        let mut client = connection.collections();
        async move {
            let known = client.list_aliases(ListAliasesRequest {}).await?.into_inner().aliases;
            let taken = known.iter().any(|known| known.alias_name == alias);
            let leave = Action::DeleteAlias(DeleteAlias { alias_name: alias.to_owned() });
            let point =
                Action::CreateAlias(CreateAlias { collection_name: name.to_owned(), alias_name: alias.to_owned() });
            let actions = taken.then_some(leave).into_iter().chain([point]);
            let actions = actions.map(|action| AliasOperations { action: Some(action) }).collect();
            client.update_aliases(ChangeAliases { actions, timeout: None }).await
        }
    };
    connection.call(switch).await.map(drop)
}

/// Deletes the collection; one that is absent is no error.
pub(super) async fn delete(connection: &Connection, name: &str) -> Result<(), VectorError> {
    let delete = || {
        let mut client = connection.collections();
        let request = DeleteCollection { collection_name: name.to_owned(), timeout: None };
        async move { client.delete(request).await }
    };
    match connection.try_call(delete).await {
        Err(failed) if failed.code() != Code::NotFound => Err(connection.error(&failed)),
        _ => Ok(()),
    }
}

/// What the server knows of the collection.
pub(super) async fn describe(connection: &Connection, name: &str) -> Result<Option<CollectionInfo>, VectorError> {
    let ask = || {
        let mut client = connection.collections();
        let request = GetCollectionInfoRequest { collection_name: name.to_owned() };
        async move { client.get(request).await }
    };
    match connection.try_call(ask).await {
        Ok(described) => Ok(described.result),
        Err(failed) if failed.code() == Code::NotFound => Ok(None),
        Err(failed) => Err(connection.error(&failed)),
    }
}

async fn make(connection: &Connection, options: &QdrantOptions, name: &str) -> Result<CollectionInfo, VectorError> {
    let create = || {
        let mut client = connection.collections();
        let request = creation(options, name);
        async move { client.create(request).await }
    };
    let created = connection.try_call(create).await;
    // Another process may have been faster, or the answer to a first attempt was lost: what counts is what is there.
    match (describe(connection, name).await?, created) {
        (Some(info), _) => Ok(info),
        (None, Err(failed)) => Err(connection.error(&failed)),
        (None, Ok(_)) => Err(VectorError::Missing { collection: name.to_owned() }),
    }
}

fn creation(options: &QdrantOptions, name: &str) -> CreateCollection {
    let vectors = VectorParams {
        size: options.dimension as u64,
        distance: Distance::Cosine.into(),
        on_disk: on_disk(options),
        ..VectorParams::default()
    };
    let graph = HnswConfigDiff {
        m: Some(GRAPH_LINKS),
        ef_construct: Some(GRAPH_BREADTH),
        on_disk: on_disk(options),
        ..HnswConfigDiff::default()
    };
    CreateCollection {
        collection_name: name.to_owned(),
        vectors_config: Some(VectorsConfig { config: Some(Config::Params(vectors)) }),
        hnsw_config: Some(graph),
        on_disk_payload: on_disk(options),
        shard_number: options.shard_number,
        replication_factor: options.replication_factor,
        write_consistency_factor: options.write_consistency_factor,
        quantization_config: options.quantisation.map(quantization),
        ..CreateCollection::default()
    }
}

/// Where it is not asked for, the server's own settings decide.
fn on_disk(options: &QdrantOptions) -> Option<bool> {
    options.on_disk.then_some(true)
}

/// Small numbers stay in memory: they are what a search reads first, the exact ones only for the last few candidates.
fn quantization(kind: Quantisation) -> QuantizationConfig {
    let quantization = match kind {
        Quantisation::Scalar => Quantization::Scalar(ScalarQuantization {
            r#type: QuantizationType::Int8.into(),
            always_ram: Some(true),
            ..ScalarQuantization::default()
        }),
        Quantisation::Binary => {
            Quantization::Binary(BinaryQuantization { always_ram: Some(true), ..BinaryQuantization::default() })
        }
    };
    QuantizationConfig { quantization: Some(quantization) }
}

fn check(info: &CollectionInfo, dimension: usize, name: &str) -> Result<(), VectorError> {
    let foreign = |reason: &str| VectorError::Foreign { collection: name.to_owned(), reason: reason.to_owned() };
    let params = info.config.as_ref().and_then(|config| config.params.as_ref());
    let vectors = params.and_then(|params| params.vectors_config.as_ref()).and_then(|vectors| vectors.config.as_ref());
    let Some(Config::Params(vectors)) = vectors else {
        return Err(foreign("its vectors have names"));
    };
    if vectors.multivector_config.is_some() {
        return Err(foreign("a point of it has several vectors"));
    }
    if vectors.distance() != Distance::Cosine {
        return Err(foreign("its vectors are not compared by their cosine"));
    }
    if vectors.size != dimension as u64 {
        return Err(VectorError::Dimension { expected: vectors.size as usize, found: dimension });
    }
    Ok(())
}

/// Documents are small: links between the points of one would only cost memory.
fn indexes(options: &QdrantOptions) -> [(&'static str, KeywordIndexParams); 2] {
    let on_disk = on_disk(options);
    let document = KeywordIndexParams { on_disk, enable_hnsw: Some(false), ..KeywordIndexParams::default() };
    let facets = KeywordIndexParams { on_disk, ..KeywordIndexParams::default() };
    [(DOCUMENT, document), (FACETS, facets)]
}

async fn index_field(
    connection: &Connection,
    name: &str,
    field: &str,
    params: KeywordIndexParams,
) -> Result<(), VectorError> {
    let index = || {
        let mut client = connection.points();
        let params = PayloadIndexParams { index_params: Some(IndexParams::KeywordIndexParams(params)) };
        let request = CreateFieldIndexCollection {
            collection_name: name.to_owned(),
            wait: Some(true),
            field_name: field.to_owned(),
            field_type: Some(FieldType::Keyword.into()),
            field_index_params: Some(params),
            ..CreateFieldIndexCollection::default()
        };
        async move { applied(client.create_field_index(request).await) }
    };
    connection.call(index).await.map(drop)
}
