//! The peer's calls about points.

use ::qdrant_client::qdrant::point_id::PointIdOptions;
use ::qdrant_client::qdrant::points_selector::PointsSelectorOneOf;
use ::qdrant_client::qdrant::points_server::Points;
use ::qdrant_client::qdrant::vectors::VectorsOptions;
use ::qdrant_client::qdrant::*;
use qdrant_edge::{PointStructPersisted, VectorStructPersisted};
use tonic::{Request, Response, Status};

use super::{Service, blocking, not_offered, storage};

type Answer<R> = Result<Response<R>, Status>;

#[tonic::async_trait]
impl Points for Service {
    async fn upsert(&self, request: Request<UpsertPoints>) -> Answer<PointsOperationResponse> {
        self.0.enter("upsert").await;
        let request = request.into_inner();
        let collection = self.0.collection(&request.collection_name)?;
        let mut points = request.points.into_iter().map(stored).collect::<Result<Vec<_>, _>>()?;
        let cut = self.0.is_cut();
        if cut.is_some() {
            points.truncate(points.len() / 2);
        }
        blocking(move || collection.upsert(points)).await?;
        match cut {
            Some(cut) => self.0.die(cut.restarts).await,
            None => Ok(completed(request.wait)),
        }
    }

    async fn delete(&self, request: Request<DeletePoints>) -> Answer<PointsOperationResponse> {
        self.0.enter("delete").await;
        let request = request.into_inner();
        let collection = self.0.collection(&request.collection_name)?;
        let Some(PointsSelectorOneOf::Filter(filter)) = request.points.and_then(|points| points.points_selector_one_of)
        else {
            return Err(Status::unimplemented("only by a filter"));
        };
        blocking(move || collection.delete(&filter)).await?;
        Ok(completed(request.wait))
    }

    async fn create_field_index(
        &self,
        request: Request<CreateFieldIndexCollection>,
    ) -> Answer<PointsOperationResponse> {
        self.0.enter("create_field_index").await;
        let request = request.into_inner();
        let collection = self.0.collection(&request.collection_name)?;
        if request.field_type() != FieldType::Keyword {
            return Err(Status::unimplemented("only keywords"));
        }
        blocking(move || collection.index(request.field_name, request.field_index_params)).await?;
        Ok(completed(request.wait))
    }

    async fn query(&self, request: Request<QueryPoints>) -> Answer<QueryResponse> {
        self.0.enter("query").await;
        let request = request.into_inner();
        let collection = self.0.collection(&request.collection_name)?;
        let Some(query::Variant::Nearest(VectorInput { variant: Some(vector_input::Variant::Dense(vector)) })) =
            request.query.clone().and_then(|query| query.variant)
        else {
            return Err(Status::unimplemented("only the nearest to a dense vector"));
        };
        let found = blocking(move || collection.nearest(vector.data, &request)).await?;
        let scored = |(id, score)| ScoredPoint { id: Some(id_of(id)), score, ..ScoredPoint::default() };
        Ok(Response::new(QueryResponse { result: found.into_iter().map(scored).collect(), ..QueryResponse::default() }))
    }

    async fn count(&self, request: Request<CountPoints>) -> Answer<CountResponse> {
        self.0.enter("count").await;
        let request = request.into_inner();
        let collection = self.0.collection(&request.collection_name)?;
        let exact = request.exact.unwrap_or(true);
        let count = blocking(move || collection.count(request.filter.as_ref(), exact)).await?;
        Ok(Response::new(CountResponse { result: Some(CountResult { count }), ..CountResponse::default() }))
    }

    async fn scroll(&self, request: Request<ScrollPoints>) -> Answer<ScrollResponse> {
        self.0.enter("scroll").await;
        let request = request.into_inner();
        let collection = self.0.collection(&request.collection_name)?;
        if request.filter.is_some() || request.order_by.is_some() {
            return Err(Status::unimplemented("only everything by id"));
        }
        let from = match request.offset.and_then(|id| id.point_id_options) {
            Some(PointIdOptions::Num(number)) => Some(number),
            None => None,
            Some(PointIdOptions::Uuid(_)) => return Err(Status::unimplemented("only numbers are ids")),
        };
        let limit = request.limit.unwrap_or(10) as usize;
        let (page, next) = blocking(move || collection.scroll(from, limit)).await?;
        let record = |id| RetrievedPoint { id: Some(id_of(id)), ..RetrievedPoint::default() };
        let answer = ScrollResponse {
            result: page.into_iter().map(record).collect(),
            next_page_offset: next.map(id_of),
            ..ScrollResponse::default()
        };
        Ok(Response::new(answer))
    }

    not_offered! {
        get(GetPoints) -> GetResponse;
        update_vectors(UpdatePointVectors) -> PointsOperationResponse;
        delete_vectors(DeletePointVectors) -> PointsOperationResponse;
        set_payload(SetPayloadPoints) -> PointsOperationResponse;
        overwrite_payload(SetPayloadPoints) -> PointsOperationResponse;
        delete_payload(DeletePayloadPoints) -> PointsOperationResponse;
        clear_payload(ClearPayloadPoints) -> PointsOperationResponse;
        delete_field_index(DeleteFieldIndexCollection) -> PointsOperationResponse;
        create_vector_name(CreateVectorNameRequest) -> PointsOperationResponse;
        delete_vector_name(DeleteVectorNameRequest) -> PointsOperationResponse;
        search(SearchPoints) -> SearchResponse;
        search_batch(SearchBatchPoints) -> SearchBatchResponse;
        search_groups(SearchPointGroups) -> SearchGroupsResponse;
        recommend(RecommendPoints) -> RecommendResponse;
        recommend_batch(RecommendBatchPoints) -> RecommendBatchResponse;
        recommend_groups(RecommendPointGroups) -> RecommendGroupsResponse;
        discover(DiscoverPoints) -> DiscoverResponse;
        discover_batch(DiscoverBatchPoints) -> DiscoverBatchResponse;
        update_batch(UpdateBatchPoints) -> UpdateBatchResponse;
        query_batch(QueryBatchPoints) -> QueryBatchResponse;
        query_groups(QueryPointGroups) -> QueryGroupsResponse;
        facet(FacetCounts) -> FacetResponse;
        search_matrix_pairs(SearchMatrixPoints) -> SearchMatrixPairsResponse;
        search_matrix_offsets(SearchMatrixPoints) -> SearchMatrixOffsetsResponse;
    }
}

fn stored(point: PointStruct) -> Result<PointStructPersisted, Status> {
    let Some(PointIdOptions::Num(id)) = point.id.and_then(|id| id.point_id_options) else {
        return Err(Status::unimplemented("only numbers are ids"));
    };
    let Some(VectorsOptions::Vector(Vector { vector: Some(vector::Vector::Dense(dense)), .. })) =
        point.vectors.and_then(|vectors| vectors.vectors_options)
    else {
        return Err(Status::unimplemented("only one dense vector"));
    };
    Ok(PointStructPersisted {
        id: qdrant_edge::PointId::NumId(id),
        vector: VectorStructPersisted::Single(dense.data),
        payload: Some(storage::payload(point.payload)),
    })
}

fn id_of(number: u64) -> PointId {
    PointId { point_id_options: Some(PointIdOptions::Num(number)) }
}

/// Without being asked to wait, a server says no more than that it has taken the write.
fn completed(wait: Option<bool>) -> Response<PointsOperationResponse> {
    let status = if wait == Some(true) { UpdateStatus::Completed } else { UpdateStatus::Acknowledged };
    let result = UpdateResult { operation_id: Some(0), status: status.into() };
    Response::new(PointsOperationResponse { result: Some(result), ..PointsOperationResponse::default() })
}
