//! The peer's calls about collections and aliases.

use std::sync::Arc;

use ::qdrant_client::qdrant::alias_operations::Action;
use ::qdrant_client::qdrant::collections_server::Collections;
use ::qdrant_client::qdrant::*;
use tonic::{Request, Response, Status};

use super::storage::Collection;
use super::{Names, Service, blocking, not_offered};

#[tonic::async_trait]
impl Collections for Service {
    async fn create(
        &self,
        request: Request<CreateCollection>,
    ) -> Result<Response<CollectionOperationResponse>, Status> {
        self.0.enter("create").await;
        let creation = request.into_inner();
        let name = creation.collection_name.clone();
        let taken = |names: &Names| names.collections.contains_key(&name) || names.aliases.contains_key(&name);
        let exists = || Status::already_exists(format!("Wrong input: Collection `{name}` already exists!"));
        if taken(&self.0.names()) {
            return Err(exists());
        }
        self.0.record.lock().unwrap().creations.push(creation.clone());
        let (folder, graph_kb_min) = (self.0.new_folder(), self.0.conduct().graph_kb_min);
        let made = blocking(move || Collection::create(&folder, creation, graph_kb_min)).await?;
        let mut names = self.0.names();
        if taken(&names) {
            return Err(exists());
        }
        names.collections.insert(name, Arc::new(made));
        Ok(done(true))
    }

    async fn get(
        &self,
        request: Request<GetCollectionInfoRequest>,
    ) -> Result<Response<GetCollectionInfoResponse>, Status> {
        self.0.enter("get").await;
        let collection = self.0.collection(&request.into_inner().collection_name)?;
        let info = blocking(move || Ok(collection.info())).await?;
        Ok(Response::new(GetCollectionInfoResponse { result: Some(info), time: 0.0 }))
    }

    async fn list(&self, _: Request<ListCollectionsRequest>) -> Result<Response<ListCollectionsResponse>, Status> {
        self.0.enter("list").await;
        let names: Vec<_> = self.0.names().collections.keys().cloned().collect();
        let collections = names.into_iter().map(|name| CollectionDescription { name }).collect();
        Ok(Response::new(ListCollectionsResponse { collections, time: 0.0 }))
    }

    async fn collection_exists(
        &self,
        request: Request<CollectionExistsRequest>,
    ) -> Result<Response<CollectionExistsResponse>, Status> {
        self.0.enter("collection_exists").await;
        let exists = self.0.collection(&request.into_inner().collection_name).is_ok();
        Ok(Response::new(CollectionExistsResponse { result: Some(CollectionExists { exists }), time: 0.0 }))
    }

    /// An alias does not outlive its collection.
    async fn delete(
        &self,
        request: Request<DeleteCollection>,
    ) -> Result<Response<CollectionOperationResponse>, Status> {
        self.0.enter("delete_collection").await;
        let name = request.into_inner().collection_name;
        let gone = {
            let mut names = self.0.names();
            names.aliases.retain(|_, stands_for| *stands_for != name);
            names.collections.remove(&name)
        };
        let existed = gone.is_some();
        blocking(move || {
            drop(gone);
            Ok(())
        })
        .await?;
        Ok(done(existed))
    }

    /// All of the changes or none.
    async fn update_aliases(
        &self,
        request: Request<ChangeAliases>,
    ) -> Result<Response<CollectionOperationResponse>, Status> {
        self.0.enter("update_aliases").await;
        let changes = request.into_inner();
        let mut names = self.0.names();
        let mut changed = names.clone();
        for action in changes.actions.iter().filter_map(|operation| operation.action.as_ref()) {
            change_alias(&mut changed, action)?;
        }
        *names = changed;
        self.0.record.lock().unwrap().alias_changes.push(changes);
        Ok(done(true))
    }

    async fn list_aliases(&self, _: Request<ListAliasesRequest>) -> Result<Response<ListAliasesResponse>, Status> {
        self.0.enter("list_aliases").await;
        Ok(Response::new(ListAliasesResponse { aliases: self.aliases(None), time: 0.0 }))
    }

    async fn list_collection_aliases(
        &self,
        request: Request<ListCollectionAliasesRequest>,
    ) -> Result<Response<ListAliasesResponse>, Status> {
        self.0.enter("list_collection_aliases").await;
        let aliases = self.aliases(Some(&request.into_inner().collection_name));
        Ok(Response::new(ListAliasesResponse { aliases, time: 0.0 }))
    }

    not_offered! {
        update(UpdateCollection) -> CollectionOperationResponse;
        collection_cluster_info(CollectionClusterInfoRequest) -> CollectionClusterInfoResponse;
        update_collection_cluster_setup(UpdateCollectionClusterSetupRequest) -> UpdateCollectionClusterSetupResponse;
        create_shard_key(CreateShardKeyRequest) -> CreateShardKeyResponse;
        delete_shard_key(DeleteShardKeyRequest) -> DeleteShardKeyResponse;
        list_shard_keys(ListShardKeysRequest) -> ListShardKeysResponse;
    }
}

impl Service {
    fn aliases(&self, of: Option<&str>) -> Vec<AliasDescription> {
        let names = self.0.names();
        let wanted = names.aliases.iter().filter(|(_, stands_for)| of.is_none_or(|of| of == *stands_for));
        let described = |(alias, collection): (&String, &String)| AliasDescription {
            alias_name: alias.clone(),
            collection_name: collection.clone(),
        };
        wanted.map(described).collect()
    }
}

fn change_alias(names: &mut Names, action: &Action) -> Result<(), Status> {
    match action {
        Action::CreateAlias(create) => {
            let (alias, collection) = (&create.alias_name, &create.collection_name);
            if names.collections.contains_key(alias) {
                return Err(Status::invalid_argument(format!("Wrong input: Collection `{alias}` already exists!")));
            }
            if !names.collections.contains_key(collection) {
                return Err(Status::not_found(format!("Not found: Collection `{collection}` doesn't exist!")));
            }
            names.aliases.insert(alias.clone(), collection.clone());
            Ok(())
        }
        Action::DeleteAlias(delete) => {
            let gone = names.aliases.remove(&delete.alias_name);
            gone.map(drop).ok_or_else(|| Status::not_found(format!("Not found: Alias {}", delete.alias_name)))
        }
        Action::RenameAlias(_) => Err(Status::unimplemented("rename_alias")),
    }
}

fn done(result: bool) -> Response<CollectionOperationResponse> {
    Response::new(CollectionOperationResponse { result, time: 0.0 })
}
