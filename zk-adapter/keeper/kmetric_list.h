/* kmetric_list.h - the metrics of ZooKeeper 3.9 that count or sum something.
 *
 * COUNTER(name), SUMMARY(name), ADVANCED(name: a summary with percentiles).
 * Many belong to ensembles and stay at zero on a single server, here as there;
 * dashboards look for them all the same. */
#ifndef GREGOR_KEEPER_KMETRIC_LIST_H
#define GREGOR_KEEPER_KMETRIC_LIST_H

/* clang-format off */
#define KMETRIC_COUNTERS(X) \
    X(add_dead_watcher_stall_time) X(bytes_received_count) \
    X(cnxn_closed_without_zk_server_running) X(commit_count) \
    X(connection_drop_count) X(connection_rejected) \
    X(connection_request_count) X(connection_revalidate_count) \
    X(dead_watchers_cleared) X(dead_watchers_queued) X(diff_count) \
    X(digest_mismatches_count) X(ensemble_auth_fail) X(ensemble_auth_skip) \
    X(ensemble_auth_success) X(insecure_admin_count) \
    X(large_requests_rejected) X(learner_commit_received_count) \
    X(learner_proposal_received_count) X(looking_count) \
    X(outstanding_changes_queued) X(outstanding_changes_removed) \
    X(prep_processor_request_queued) X(proposal_count) \
    X(quit_leading_due_to_disloyal_voter) X(request_commit_queued) \
    X(request_throttle_wait_count) \
    X(requests_not_forwarded_to_commit_processor) X(response_bytes) \
    X(response_packet_cache_hits) X(response_packet_cache_misses) \
    X(response_packet_get_children_cache_hits) \
    X(response_packet_get_children_cache_misses) X(restore_error_count) \
    X(restore_rate_limited_count) X(revalidate_count) \
    X(sessionless_connections_expired) \
    X(skip_learner_request_to_next_processor_count) X(snap_count) \
    X(snapshot_error_count) X(snapshot_rate_limited_count) X(stale_replies) \
    X(stale_requests) X(stale_requests_dropped) X(stale_sessions_expired) \
    X(sync_processor_request_queued) X(throttled_ops) \
    X(tls_handshake_exceeded) X(unrecoverable_error_count) \
    X(unsuccessful_handshake) X(watch_bytes)

#define KMETRIC_SUMMARIES(X) \
    X(commit_commit_proc_req_queued) X(commit_process_time) \
    X(concurrent_request_processing_in_commit_processor) \
    X(connection_token_deficit) X(dbinittime) X(election_time) \
    X(follower_sync_time) X(fsynctime) X(inflight_diff_count) \
    X(inflight_snap_count) X(leader_unavailable_time) \
    X(learner_request_processor_queue_size) X(netty_queued_buffer_capacity) \
    X(node_changed_watch_count) X(node_children_watch_count) \
    X(node_created_watch_count) X(node_deleted_watch_count) \
    X(observer_sync_time) X(pending_session_queue_size) X(prep_process_time) \
    X(prep_processor_queue_size) X(proposal_process_time) \
    X(read_commit_proc_issued) X(read_commit_proc_req_queued) \
    X(reads_after_write_in_session_queue) X(reads_issued_from_session_queue) \
    X(requests_in_session_queue) X(restore_time) X(session_queues_drained) \
    X(snapshottime) X(socket_closing_time) X(startup_snap_load_time) \
    X(startup_txns_load_time) X(startup_txns_loaded) X(sync_process_time) \
    X(sync_processor_batch_size) X(sync_processor_queue_size) \
    X(time_waiting_empty_pool_in_commit_processor_read_ms) \
    X(unavailable_time) X(write_batch_time_in_commit_processor) \
    X(write_commit_proc_issued) X(write_commit_proc_req_queued)

#define KMETRIC_ADVANCED(X) \
    X(close_session_prep_time) X(commit_propagation_latency) \
    X(dead_watchers_cleaner_latency) X(jvm_pause_time_ms) \
    X(local_write_committed_time_ms) X(om_commit_process_time_ms) \
    X(om_proposal_process_time_ms) X(prep_processor_queue_time_ms) \
    X(propagation_latency) X(proposal_ack_creation_latency) \
    X(proposal_latency) X(quorum_ack_latency) X(read_commitproc_time_ms) \
    X(read_final_proc_time_ms) X(readlatency) \
    X(request_throttle_queue_time_ms) X(server_write_committed_time_ms) \
    X(sync_processor_queue_and_flush_time_ms) \
    X(sync_processor_queue_flush_time_ms) X(sync_processor_queue_time_ms) \
    X(updatelatency) X(write_commitproc_time_ms) X(write_final_proc_time_ms)

/* clang-format on */

#endif
