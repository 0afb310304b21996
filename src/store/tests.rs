//! The suite on both databases: each case on a database of its own, the shared ones in two processes' places.

use super::postgres::{PostgresOptions, PostgresStore};
use super::sqlite::SqliteStore;
use super::{Store, conformance};
use crate::database::TestDatabase;

/// Runs cases of the suite as tests on each database.
macro_rules! conforms {
    ($($case:ident)*) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $case() {
                let folder = tempfile::tempdir().unwrap();
                let store = super::SqliteStore::open(&folder.path().join("ibid.db")).await.unwrap();
                super::conformance::$case(&store).await;
                super::Store::close(&store).await;
            })*
        }
        mod postgres {
            $(#[tokio::test]
            async fn $case() {
                let database = super::TestDatabase::new().await;
                let store = super::process(&database, "a").await;
                super::conformance::$case(&store).await;
                super::Store::close(&store).await;
            })*
        }
    };
}

/// Runs cases of the suite as tests where several processes may write.
macro_rules! conforms_shared {
    ($($case:ident)*) => {
        mod shared_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let database = super::TestDatabase::new().await;
                let (a, b) = (super::process(&database, "a").await, super::process(&database, "b").await);
                super::conformance::$case(&a, &b).await;
                super::Store::close(&a).await;
                super::Store::close(&b).await;
            })*
        }
    };
}

/// The store as the process of this name opens it.
async fn process(database: &TestDatabase, owner: &str) -> PostgresStore {
    PostgresStore::open(&PostgresOptions::new(database.url(), owner)).await.unwrap()
}

conforms! {
    a_document_is_read_back_as_it_was_written
    writing_again_replaces_text_and_chunks
    a_failure_removes_what_was_indexed
    a_write_that_cannot_be_finished_leaves_nothing
    deleting_leaves_nothing_but_a_change
    what_is_inside_goes_with_what_contains_it
    a_mirror_knows_files_and_what_lost_its_file
    what_is_inside_has_the_readers_of_what_contains_it
    tables_places_and_boxes_come_back
    touching_a_document_changes_its_stamp_only
    touching_a_document_on_another_day_is_a_change
    a_language_is_that_of_the_last_reading
    sources_are_known_under_their_roots
    documents_are_listed_page_by_page
    ingests_are_kept_and_listed
    an_ingest_without_its_process_is_interrupted
    work_is_taken_counted_and_settled
    work_of_a_dead_ingest_ends_with_the_next_of_the_same_folders
    work_goes_with_its_document
    a_failure_waits_for_its_time
    what_is_removed_is_written_down
    a_document_moves_with_what_it_holds
    pieces_of_a_text_end_at_characters
    chunks_come_in_the_order_asked_for
    any_character_can_be_stored
    readers_are_the_documents_own_or_its_collections
    changed_readers_are_changes
    changes_are_read_from_any_place
    a_checkpoint_is_the_last_one_noted
    a_setting_is_what_was_set_last_or_first
    a_lease_is_extended_by_its_owner
    a_finished_step_keeps_its_first_result
    questions_of_finished_runs_are_logged
    a_thread_is_made_by_its_first_run
    a_turn_is_what_its_run_left
    accounts_do_not_see_each_other
    foreign_ids_write_nothing
    a_deleted_thread_takes_all_of_its_own
    a_thread_expires_unless_a_run_begins_in_it
    threads_are_listed_page_by_page
    turns_stand_in_the_order_in_which_they_began
    runs_that_begin_at_once_all_have_their_turn
    a_run_that_begins_again_keeps_its_steps
    feedback_is_what_was_said_last
    events_come_back_in_order_and_once
    citations_are_looked_up
    the_last_evaluation_of_the_same_queries_is_found
    a_document_is_embedded_when_all_its_vectors_are_there
    the_same_text_is_not_embedded_twice
    without_a_model_nothing_is_embedded
    short_documents_are_claimed_first
    the_status_counts_documents_and_chunks
    one_generation_serves_from_the_beginning
    a_generation_serves_when_nothing_is_missing
    chunks_of_an_older_text_are_refused
    writing_a_document_removes_it_from_other_generations
    a_generation_is_dropped_with_all_that_is_its_own
    scores_are_forgotten_with_their_queries
}

conforms_shared! {
    two_processes_are_never_given_the_same_document
    a_claim_is_free_when_its_lease_ends
    saving_begins_the_lease_anew
    a_named_lease_has_one_holder
    whoever_sets_first_decides_for_all
    the_log_has_no_holes_that_fill_later
    writers_in_each_others_way_all_succeed
    a_change_is_heard_in_another_process
    processes_that_begin_runs_count_every_turn
}
