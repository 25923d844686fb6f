"""Name the tests that run the commands of hints, and the reasons where no test can.

A key is a module below `git_datmo`, or another file by its path, and a command as
`tests.support.hints` collects it. A value is the node id of a test that runs the command where the
hint names it, or a reason. Commands that only show something need no entry.
"""

from __future__ import annotations

from collections.abc import Mapping

CURES: Mapping[str, Mapping[str, str]] = {
    "backends/pack_backend.py": {
        "git datmo push --store": "tests/integration/test_stores_elsewhere.py::test_moved_store_keeps_the_history",
    },
    "cli/commands/checkout.py": {
        "git datmo checkout --force HEAD -- {}": "tests/integration/test_restore.py::test_hint_of_a_payload_that_was_left_alone_is_true",
    },
    "cli/contract_check.py": {
        "git datmo contract infer PATH": "tests/integration/test_contract_verb.py::test_data_without_contract_name_the_command_that_writes_one",
    },
    "cli/contract_infer.py": {
        "git datmo contract infer PATH": "tests/integration/test_contract_verb.py::test_data_without_contract_name_the_command_that_writes_one",
    },
    "cli/contract_show.py": {
        "git datmo contract show": "tests/integration/test_contract_branches.py::test_contracts_are_listed_and_shown_with_their_rules",
    },
    "contract_checks/run_gate.py": {
        "git datmo contract check": "tests/integration/test_contract_branches.py::test_renamed_column_is_named_with_data_model_and_commit",
        "git config {} warn": "tests/integration/test_contract_gate.py::test_push_of_misfit_warns_until_contracts_are_enforced",
    },
    "cli/commands/drop.py": {
        "git datmo drop --remote {}": "tests/integration/test_redaction.py::test_each_remote_with_the_text_is_redacted_and_the_other_named",
        "git gc --prune=now": "tests/integration/test_redaction.py::test_redacted_text_leaves_the_clone_with_its_garbage",
        "git datmo gc": "tests/integration/test_working_clones.py::test_drop_on_a_working_clone_names_what_frees_it",
    },
    "cli/commands/du.py": {
        "git datmo gc": "tests/integration/test_files_outside_store.py::test_environment_of_dropped_snapshots_is_removed",
    },
    "cli/commands/env.py": {
        "git datmo env shell -- CMD": "tests/integration/test_env_command.py::test_environment_is_built_and_runs_commands",
    },
    "cli/commands/feedback.py": {
        "git datmo fetch": "tests/integration/test_feedback.py::test_collected_events_are_shared_once_by_push",
    },
    "cli/commands/fsck.py": {
        "git datmo fsck --repair": "tests/integration/test_fsck.py::test_lost_object_comes_back_from_the_working_tree",
        "git datmo push": "tests/integration/test_moved_remotes.py::test_record_without_data_is_repaired_by_a_clone_that_has_them",
    },
    "cli/commands/hook.py": {
        "git push": "The same push again, after the host gave up waiting for the first.",
        "git datmo init --helper {}": "tests/integration/test_hooks.py::test_init_beside_jujutsu_names_the_helper",
        "git push --no-verify": "tests/integration/test_versions.py::test_push_of_records_to_a_newer_remote_is_refused_and_code_goes_without",
    },
    "cli/commands/init.py": {
        "git push": "It says how the remote is shared with.",
        "git datmo init --helper {}": "tests/integration/test_hooks.py::test_init_beside_jujutsu_names_the_helper",
    },
    "cli/commands/ps.py": {
        "git datmo stop {}": "tests/integration/test_detached_runs.py::test_states_are_true_after_recorder_and_command_are_killed",
    },
    "cli/commands/run.py": {
        "git datmo run -- python train.py": "tests/integration/test_followed_hints.py::test_command_without_dashes_runs_as_the_hint_has_it",
    },
    "cli/commands/status.py": {
        "git datmo checkout": "tests/integration/test_follow.py::test_commit_after_reset_of_data_warns_and_makes_no_snapshot",
        "git push": "tests/integration/test_moved_remotes.py::test_status_counts_nothing_that_a_fetch_from_the_remote_brought",
        "git fetch --unshallow": "tests/integration/test_follow.py::test_shallow_clone_gets_hint_about_fetch",
    },
    "cli/commands/sweep.py": {
        "git datmo sweep -p lr=1,2 -- train {lr}": "tests/integration/test_cluster.py::test_sweep_makes_a_snapshot_of_each_combination_and_touches_nothing_here",
    },
    "cli/sweep_runs.py": {
        "git datmo sweep --resume": "tests/integration/test_sweep.py::test_interrupted_sweep_stops_and_is_resumed",
    },
    "cli/commands/tag.py": {
        "git datmo tag HEAD {}": "tests/integration/test_annotate.py::test_tags_of_scripts_and_other_trackers_are_removed",
    },
    "cli/commands/verify.py": {
        "git datmo push": "tests/integration/test_complete.py::test_snapshot_that_was_not_pushed_is_named_to_its_maker",
    },
    "cli/diff_sections.py": {
        "git datmo checkout": "tests/integration/test_diff.py::test_diff_in_another_clone_fetches_code_but_no_data",
    },
    "cli/feedback_lines.py": {
        "git datmo feedback collect": "tests/integration/test_feedback_forgotten.py::test_forgotten_events_leave_all_batches",
        "git datmo feedback take": "tests/integration/test_feedback_forgotten.py::test_forgotten_events_leave_all_batches",
        "git datmo drop {}": "tests/integration/test_drop_and_gc.py::test_data_of_dropped_snapshot_alone_are_freed",
        "git datmo gc": "tests/integration/test_feedback_forgotten.py::test_forgotten_events_leave_all_batches",
        "git datmo drop --remote {}": "tests/integration/test_feedback_forgotten.py::test_forgotten_events_leave_all_batches",
    },
    "cli/follow_messages.py": {
        "git datmo checkout --force HEAD -- {}": "tests/integration/test_restore.py::test_hint_of_a_payload_that_was_left_alone_is_true",
    },
    "contract_checks/header_gate.py": {
        "git datmo contract check": "tests/integration/test_added_headers.py::test_many_findings_name_the_command_that_shows_all",
    },
    "contract_checks/value_gate.py": {
        "git datmo contract check": "tests/integration/test_recorded_checks.py::test_changed_data_or_contract_are_checked_again",
    },
    "contract_checks/worktree_checks.py": {
        "git datmo checkout -- {}": "tests/integration/test_recorded_checks.py::test_data_that_are_not_here_are_unchecked_without_record",
    },
    "operations/check_revision.py": {
        "git datmo contract infer PATH": "tests/integration/test_contract_verb.py::test_data_without_contract_name_the_command_that_writes_one",
    },
    "operations/get.py": {
        "git datmo get URL {}": "tests/integration/test_get.py::test_missing_path_and_revision_are_named",
    },
    "cluster/cluster_tasks.py": {
        "git push": "tests/integration/test_cluster.py::test_cluster_sweeps_and_shares_what_it_makes",
    },
    "cluster/cluster_worker.py": {
        "git datmo run": "The user's program has to write a metric first.",
        "git datmo push": "tests/integration/test_cluster.py::test_cluster_reruns_from_the_remote_and_loses_nothing",
    },
    "errors.py": {
        "git config datmo.timeout SECONDS": "tests/integration/test_silence.py::test_store_that_is_silent_ends_a_push",
        "git datmo fsck --repair": "tests/integration/test_fsck.py::test_lost_object_comes_back_from_the_working_tree",
        "git push": "It says what still works.",
        "git pull": "It says what still works.",
    },
    "git/object_database.py": {
        "git fetch --refetch": "tests/integration/test_followed_hints.py::test_lost_record_is_fetched_again",
    },
    "git/remote_commands.py": {
        "git remote add origin URL": "tests/integration/test_followed_hints.py::test_push_without_a_remote_goes_on_after_it_is_added",
    },
    "git/user_repository.py": {
        "git commit": "tests/integration/test_bad_input.py::test_commands_before_first_commit_work_or_name_git_commit",
        "git init": "tests/integration/test_followed_hints.py::test_command_outside_a_repository_goes_on_after_git_init",
    },
    "history/record_signatures.py": {
        "git -c datmo.requireSigned=false datmo pull": "tests/integration/test_redaction.py::test_unsigned_redaction_is_not_taken_where_signatures_are_required",
        "git -c datmo.requireSigned=false datmo …": "tests/integration/test_signing.py::test_checkout_of_an_unsigned_snapshot_is_refused",
    },
    "history/unprepared_clone.py": {
        "git datmo init": "tests/integration/test_plain_clone.py::test_log_and_checkout_in_plain_clone_name_init",
    },
    "model_tests/held_out_rows.py": {
        "git datmo add-data {}": "tests/integration/test_model_tests.py::test_gates_are_undecided_until_the_held_out_data_are_added",
    },
    "objects/missing_elsewhere.py": {
        "git datmo fsck --repair": "tests/integration/test_fsck.py::test_lost_object_comes_back_from_the_working_tree",
    },
    "objects/store.py": {
        "git datmo checkout": "tests/integration/test_evict.py::test_data_on_the_remote_are_evicted_and_fetched_again",
    },
    "objects/store_location.py": {
        "git datmo init": "tests/integration/test_followed_hints.py::test_add_without_a_store_goes_on_after_init",
    },
    "payloads/addable_paths.py": {
        "git datmo checkout": "tests/integration/test_followed_hints.py::test_add_of_a_payload_that_is_not_fetched_goes_on_after_checkout",
        "git rm -r --cached -- {}": "tests/integration/test_bad_input.py::test_path_that_git_tracks_is_refused_with_working_hint",
        "git datmo init": "tests/integration/test_addable.py::test_payload_below_another_repository_is_refused_and_added_there",
        "git datmo add-data {}": "tests/integration/test_followed_hints.py::test_file_in_a_payload_is_added_with_the_rest",
        "git datmo add-model {}": "tests/integration/test_followed_hints.py::test_file_in_a_payload_is_added_with_the_rest",
        "git datmo rm {}": "tests/integration/test_followed_hints.py::test_folder_around_a_payload_is_added_after_rm",
    },
    "payloads/after_commit.py": {
        "git datmo checkout": "tests/integration/test_follow.py::test_commit_after_reset_of_data_warns_and_makes_no_snapshot",
        "git datmo snapshot": "tests/integration/test_follow.py::test_commit_after_reset_that_kept_the_files_has_the_data",
    },
    "payloads/apply_snapshot.py": {
        "git datmo checkout {} -- PATH": "tests/integration/test_unfinished_merge.py::test_conflicting_paths_wait_for_a_decision",
        "git datmo snapshot": "tests/integration/test_followed_hints.py::test_added_version_without_snapshot_is_brought_back",
        "git datmo checkout -- {}": "tests/integration/test_followed_hints.py::test_added_version_without_snapshot_is_brought_back",
        "git datmo checkout --force": "tests/integration/test_bad_input.py::test_version_that_was_only_added_survives_checkout",
    },
    "payloads/attach_snapshot.py": {
        "git commit": "tests/integration/test_followed_hints.py::test_snapshot_before_the_first_commit_goes_on_after_it",
    },
    "payloads/captured_environment.py": {
        "git config --add datmo.index URL": "tests/integration/test_rebuildable.py::test_index_of_a_local_build_is_derived_or_asked_for",
    },
    "payloads/checkout_in_progress.py": {
        "git datmo checkout -- {}": "tests/integration/test_failed_checkout.py::test_restore_that_fails_is_finished_or_given_up",
        "git datmo checkout {}": "tests/integration/test_failed_checkout.py::test_file_that_does_not_fit_is_named_and_nothing_half_written_stays",
        "git datmo checkout --force {}": "tests/integration/test_failed_checkout.py::test_failed_checkout_is_abandoned_and_its_files_removed",
        "git datmo checkout": "tests/integration/test_followed_hints.py::test_malformed_state_is_removed_and_checked_out_again",
    },
    "payloads/checkout_target.py": {
        "git fetch --unshallow": "tests/integration/test_follow.py::test_shallow_clone_gets_hint_about_fetch",
        "git fetch --deepen=100": "A part of what 'git fetch --unshallow' does.",
        "git datmo fetch": "tests/integration/test_followed_hints.py::test_snapshot_made_after_the_push_of_its_commit_comes_by_fetch",
        "git datmo snapshot": "tests/integration/test_trailer.py::test_commit_without_snapshot_gets_hint_to_make_it",
        "git datmo checkout {}": "tests/integration/test_followed_hints.py::test_older_data_are_placed_where_newer_were_never_shared",
        "git datmo push": "tests/integration/test_never_shared.py::test_reproduce_fetches_data_shared_since",
    },
    "payloads/code_files.py": {
        "git datmo add-data {}": "tests/integration/test_followed_hints.py::test_untracked_large_file_of_a_run_is_kept_after_add",
    },
    "payloads/payload_commit.py": {
        "git datmo checkout {} -- {}": "tests/integration/test_commit_verb.py::test_hint_commits_the_older_data_that_a_checkout_placed",
        "git datmo commit": "tests/integration/test_commit_verb.py::test_hint_commits_the_older_data_that_a_checkout_placed",
        "git datmo snapshot": "tests/integration/test_commit_verb.py::test_commit_behind_the_data_is_refused_with_hint",
        "git datmo checkout": "tests/integration/test_follow.py::test_commit_after_reset_of_data_warns_and_makes_no_snapshot",
    },
    "payloads/git_tracked.py": {
        "git rm -r --cached -- {}": "tests/integration/test_git_tracked.py::test_payload_files_in_git_index_are_named_with_hint",
    },
    "payloads/merging/merge_into_tree.py": {
        "git datmo checkout": "tests/integration/test_merge.py::test_clone_without_data_merges_unfetched_versions",
    },
    "payloads/merging/merge_state.py": {
        "git datmo checkout {} -- PATH": "tests/integration/test_unfinished_merge.py::test_conflicting_paths_wait_for_a_decision",
        "git datmo add-data PATH": "tests/integration/test_followed_hints.py::test_file_that_both_sides_changed_is_decided",
        "git datmo snapshot": "tests/integration/test_unfinished_merge.py::test_conflicting_paths_wait_for_a_decision",
        "git datmo checkout": "tests/integration/test_followed_hints.py::test_malformed_state_is_removed_and_checked_out_again",
    },
    "payloads/merging/placement.py": {
        "git rm --cached -- {}": "tests/integration/test_followed_hints.py::test_checkout_where_git_tracks_the_payload_goes_on_after_rm",
    },
    "payloads/name_collisions.py": {
        "git datmo checkout REV -- PATH": "tests/integration/test_failed_checkout.py::test_names_that_differ_in_case_alone_are_refused_where_that_makes_one_file",
    },
    "payloads/record_claims.py": {
        "git datmo drop {}": "tests/integration/test_hostile_payloads.py::test_payload_beyond_its_record_is_refused",
        "git config {} {}": "tests/integration/test_hostile_payloads.py::test_checkout_above_the_limit_is_refused_and_the_hint_lets_it_go_on",
    },
    "payloads/restore_paths.py": {
        "git datmo checkout REV -- {}": "tests/integration/test_restore.py::test_restore_of_path_never_added_is_refused_with_hint",
    },
    "payloads/reverted_commits.py": {
        "git datmo commit": "tests/integration/test_revert.py::test_revert_names_the_commands_that_take_the_data_back",
        "git datmo checkout {} -- {}": "tests/integration/test_revert.py::test_revert_names_the_commands_that_take_the_data_back",
        "git datmo rm {}": "tests/integration/test_revert.py::test_revert_of_an_added_payload_names_rm",
    },
    "payloads/sparse_checkout.py": {
        "git datmo checkout -- {}": "tests/integration/test_sparse.py::test_files_that_git_takes_away_come_back_when_asked_for",
    },
    "payloads/sparse_refusal.py": {
        "git datmo checkout -- {}": "tests/integration/test_sparse.py::test_files_that_git_takes_away_come_back_when_asked_for",
    },
    "payloads/store_payloads.py": {
        "git datmo checkout -- {}": "tests/integration/test_followed_hints.py::test_missing_payload_is_restored_or_given_up",
        "git datmo rm {}": "tests/integration/test_followed_hints.py::test_missing_payload_is_restored_or_given_up",
    },
    "payloads/unsaved_changes.py": {
        "git datmo commit": "tests/integration/test_unsnapshotted.py::test_push_names_data_that_it_leaves_out",
    },
    "remotes/fetch_objects.py": {
        "git push": "tests/integration/test_moved_remotes.py::test_record_without_data_is_repaired_by_a_clone_that_has_them",
    },
    "remotes/remote_probe.py": {
        "git config {} refs/heads/NAME/git-datmo": "tests/integration/test_hosts.py::test_host_that_takes_one_namespace_of_branches_gets_all_there",
    },
    "remotes/remote_store.py": {
        "git datmo push --store": "tests/integration/test_stores_elsewhere.py::test_moved_store_keeps_the_history",
    },
    "remotes/working_clones.py": {
        "git remote add NAME URL": "tests/integration/test_working_clones.py::test_clone_of_mirror_of_working_clone_names_where_data_are",
        "git push": "tests/integration/test_moved_remotes.py::test_record_without_data_is_repaired_by_a_clone_that_has_them",
    },
    "report/stored_files.py": {
        "git datmo run": "tests/integration/test_show_stored.py::test_show_prints_log_and_code_of_a_fetched_experiment",
    },
    "repository/hook_state.py": {
        "git datmo init": "tests/integration/test_hooks.py::test_hook_out_of_force_is_noticed_and_repaired_by_init",
    },
    "runs/rerun_parts.py": {
        "git datmo run": "The user's program has to change first, or has a command to name.",
    },
    "runs/rerun_inputs.py": {
        "git push": "tests/integration/test_moved_remotes.py::test_record_without_data_is_repaired_by_a_clone_that_has_them",
    },
    "runs/run_reads.py": {
        "git datmo add-data {}": "tests/integration/test_followed_hints.py::test_untracked_large_file_of_a_run_is_kept_after_add",
    },
    "runs/run_code.py": {
        "git add": "Git's own command, for a file that is code.",
        "git datmo add-data {}": "tests/integration/test_followed_hints.py::test_untracked_large_file_of_a_run_is_kept_after_add",
    },
    "runs/run_surroundings.py": {
        "git config --add datmo.variable {}": "tests/integration/test_run_reads.py::test_unrecorded_variable_is_named_at_run_and_verdict",
    },
    "serving/event_reader.py": {
        "git datmo serve --log DIR": "tests/integration/test_feedback.py::test_outcomes_are_joined_with_predictions_of_a_killed_server",
    },
    "serving/feedback_batches.py": {
        "git datmo feedback take PATH": "tests/integration/test_feedback_forgotten.py::test_forgotten_events_leave_all_batches",
        "git datmo feedback status": "tests/integration/test_feedback_status.py::test_production_is_shown_beside_the_record_in_every_clone",
        "git datmo feedback collect": "tests/integration/test_feedback_taken.py::test_take_loses_no_file_and_names_wrong_batches",
        "git datmo fetch": "tests/integration/test_feedback_taken.py::test_chosen_batches_are_taken_in_another_clone",
    },
    "serving/collection_state.py": {
        "git datmo feedback collect": "tests/integration/test_feedback_collected.py::test_damaged_state_of_a_collection_is_named",
    },
    "serving/place_snapshot.py": {
        "git datmo run": "A run records its environment.",
    },
    "serving/serving_setup.py": {
        "git datmo run": "A run records its code.",
    },
    "serving/forget_feedback.py": {
        "git datmo feedback collect": "tests/integration/test_feedback_forgotten.py::test_forgotten_events_leave_all_batches",
        "git datmo fetch": "tests/integration/test_feedback_taken.py::test_chosen_batches_are_taken_in_another_clone",
    },
    "serving/take_feedback.py": {
        "git datmo add-data {}": "tests/integration/test_feedback_taken.py::test_take_loses_no_file_and_names_wrong_batches",
        "git datmo feedback collect": "tests/integration/test_feedback_taken.py::test_take_loses_no_file_and_names_wrong_batches",
        "git datmo fetch": "tests/integration/test_feedback_taken.py::test_chosen_batches_are_taken_in_another_clone",
    },
    "serving_image/build_image.py": {
        "git datmo env freeze {}": "tests/integration/test_serving_image.py::test_image_serves_offline_and_is_the_same_from_two_clones",
        "git datmo serve": "It says which command needs no Python in the environment.",
    },
    "serving_image/image_configuration.py": {
        "git datmo image": "It is the step's name in the history of an image.",
    },
    "sharing/bundle_file.py": {
        "git fetch --unshallow": "tests/integration/test_followed_hints.py::test_shallow_clone_is_bundled_after_the_rest_is_fetched",
        "git push": "tests/integration/test_moved_remotes.py::test_record_without_data_is_repaired_by_a_clone_that_has_them",
        "git datmo drop {}": "tests/integration/test_moved_remotes.py::test_push_with_unavailable_data_of_another_user_succeeds",
    },
    "sharing/orphaned_settings.py": {
        "git config --rename-section {} {}": "tests/integration/test_moved_remotes.py::test_setting_of_a_remote_that_was_renamed_is_not_lost_in_silence",
        "git config --remove-section {}": "It removes the setting that the hint is about.",
    },
    "sharing/push.py": {
        "git push --all": "It pushes branches, which every other test of a push does.",
        "git push --tags": "It pushes tags alone.",
    },
    "sharing/push_bases.py": {
        "git push": "tests/integration/test_moved_remotes.py::test_record_without_data_is_repaired_by_a_clone_that_has_them",
    },
    "sharing/push_selection.py": {
        "git datmo drop {}": "tests/integration/test_moved_remotes.py::test_push_with_unavailable_data_of_another_user_succeeds",
        "git push --no-verify": "tests/integration/test_versions.py::test_push_of_records_to_a_newer_remote_is_refused_and_code_goes_without",
    },
    "sharing/pushed_refs.py": {
        "git push --all": "tests/integration/test_followed_hints.py::test_mirror_push_that_would_delete_has_two_ways",
        "git push --no-verify": "tests/integration/test_followed_hints.py::test_mirror_push_that_would_delete_has_two_ways",
    },
    "sharing/secret_refusal.py": {
        "git config --add {} {}": "tests/integration/test_secrets.py::test_push_of_secret_is_refused_with_its_location",
        "git datmo drop {}": "tests/integration/test_secrets.py::test_push_of_secret_is_refused_with_its_location",
    },
    "space/fill_remote_store.py": {
        "git config {} URL": "tests/integration/test_stores_elsewhere.py::test_moved_store_keeps_the_history",
        "git datmo push --store": "tests/integration/test_stores_elsewhere.py::test_moved_store_keeps_the_history",
    },
    "space/drop_records.py": {
        "git datmo gc": "tests/integration/test_followed_hints.py::test_dropped_snapshot_is_freed_by_gc",
    },
    "web/documents_experiment.py": {
        "git datmo checkout {}": "tests/integration/test_page_export.py::test_commands_of_an_experiment_work",
        "git datmo plot {}": "tests/integration/test_page_export.py::test_commands_of_an_experiment_work",
        "git datmo show --code {}": "tests/integration/test_page_export.py::test_commands_of_an_experiment_work",
        "git datmo show --log {}": "tests/integration/test_page_export.py::test_commands_of_an_experiment_work",
        "git datmo show --log": "It names a log that an export left out.",
        "git datmo reproduce {}": "It is a way to check the experiment, which the tests of reproduce run.",
    },
    "web/documents_history.py": {
        "git datmo push": "It is listed beside experiments that wait to be shared, not as a remedy.",
        "git datmo reproduce HEAD": "It is listed beside experiments that nobody reproduced.",
    },
    "web/documents_live.py": {
        "git datmo stop {}": "tests/integration/test_detached_runs.py::test_states_are_true_after_recorder_and_command_are_killed",
    },
    "web/live_pages.py": {
        "git push": "tests/integration/test_moved_remotes.py::test_record_without_data_is_repaired_by_a_clone_that_has_them",
    },
    "web/live_server.py": {
        "git datmo ui": "It prints the address that the refused browser needs.",
        "git datmo ui --export DIR": "tests/integration/test_page_export.py::test_export_has_all_documents_and_says_its_size_first",
    },
    "web/request_guard.py": {
        "git datmo ui --allow-host NAME": "tests/integration/test_page_server.py::test_only_known_hosts_are_answered",
    },
    "worktree/checkout_plan.py": {
        "git datmo snapshot": "tests/integration/test_followed_hints.py::test_modified_file_is_stored_or_given_up_before_a_checkout",
        "git datmo checkout --force": "tests/integration/test_followed_hints.py::test_modified_file_is_stored_or_given_up_before_a_checkout",
    },
    "worktree/file_placer.py": {
        "git datmo checkout REV -- PATH": "tests/integration/test_failed_checkout.py::test_names_that_differ_in_case_alone_are_refused_where_that_makes_one_file",
        "git datmo drop ID": "tests/integration/test_hostile_payloads.py::test_payload_beyond_its_record_is_refused",
    },
    "worktree/tracking.py": {
        "git datmo checkout": "tests/integration/test_followed_hints.py::test_malformed_state_is_removed_and_checked_out_again",
    },
    "remote_helper/git_remote_datmo/session.py": {
        "git push --no-verify {} BRANCH": "tests/integration/test_versions.py::test_push_of_records_to_a_newer_remote_is_refused_and_code_goes_without",
    },
    "hooks/pre-push": {
        "git push --all": "tests/integration/test_followed_hints.py::test_mirror_push_that_would_delete_has_two_ways",
        "git push --no-verify": "tests/integration/test_followed_hints.py::test_mirror_push_that_would_delete_has_two_ways",
    },
    "runs/unfetched_inputs.py": {
        "git datmo checkout -- {}": "tests/integration/test_unfetched_inputs.py::test_run_that_needs_unfetched_data_is_refused",
        "git -c datmo.runWithout=true datmo run": "tests/integration/test_unfetched_inputs.py::test_setting_runs_without_the_data_and_a_failure_names_them",
    },
    "sharing/publish_records.py": {
        "git push --no-verify": "tests/integration/test_versions.py::test_push_of_records_to_a_newer_remote_is_refused_and_code_goes_without",
    },
}
