"""Tables of Postfix's numbers, times and booleans: who reads them, and what the smallest and the greatest value is.

They are those of its source, 3.7 to 3.10 (CONFIG_INT_TABLE and its like); smtp_ and lmtp_ parameters are alike.
"""

# Texts, although their defaults look like something else.
_TEXTS = """
    compatibility_level default_destination_concurrency_negative_feedback
    default_destination_concurrency_positive_feedback lmtp_tcp_port lmtp_tls_loglevel mail_release_date milter_protocol
    process_id smtp_tls_loglevel smtpd_forbid_bare_newline smtpd_tls_loglevel tls_append_default_CA
    tlsproxy_client_loglevel tlsproxy_tls_loglevel
"""
TEXTS = frozenset(_TEXTS.split())
# What every program of Postfix reads (mail_params.c), and what master reads besides.
_READ_BY_ALL = """
    address_verify_negative_cache application_event_drain_time backwards_bounce_logfile_compatibility
    berkeley_db_create_buffer_size berkeley_db_read_buffer_size daemon_table_open_error_is_fatal daemon_timeout
    debug_peer_level default_process_limit delay_logging_resolution_limit deliver_lock_attempts
    deliver_lock_delay disable_dns_lookups disable_mime_input_processing disable_mime_output_conversion
    dns_ncache_ttl_fix_enable dont_remove enable_idna2003_compatibility enable_long_queue_ids
    enable_original_recipient fault_injection_code fork_attempts fork_delay hash_queue_depth
    header_address_token_limit header_size_limit helpful_warnings in_flow_delay ipc_idle ipc_timeout ipc_ttl
    line_length_limit lmdb_map_size max_idle max_use message_size_limit mime_boundary_length_limit
    mime_nesting_limit multi_instance_enable owner_request_special respectful_logging send_cyrus_sasl_authzid
    service_throttle_time smtputf8_enable socketmap_max_reply_size soft_bounce stale_lock_time
    strict_7bit_headers strict_8bitmime
    strict_8bitmime_body strict_mime_encoding_domain strict_smtputf8 tcp_windowsize tls_required_enable
    trigger_timeout
"""
READ_BY_ALL = frozenset(_READ_BY_ALL.split())
# What smtpd alone does not read of the parameters that bear its name.
NOT_SMTPD = frozenset(("smtpd_tls_session_cache_timeout",))
LONG_NUMBERS = frozenset(
    ("lmdb_map_size", "mailbox_size_limit", "message_size_limit", "queue_minfree", "virtual_mailbox_limit")
)
# Where 0 is too small.
_POSITIVE = """
    address_verify_negative_expire_time address_verify_negative_refresh_time
    address_verify_pending_request_limit address_verify_poll_count address_verify_poll_delay
    address_verify_positive_expire_time address_verify_positive_refresh_time anvil_rate_time_unit
    anvil_status_update_time application_event_drain_time berkeley_db_create_buffer_size
    berkeley_db_read_buffer_size bounce_size_limit command_time_limit connection_cache_protocol_timeout
    connection_cache_status_update_time connection_cache_ttl_limit daemon_timeout debug_peer_level
    default_process_limit default_recipient_refill_delay default_recipient_refill_limit deliver_lock_attempts
    deliver_lock_delay fast_flush_purge_time fast_flush_refresh_time fork_attempts fork_delay hash_queue_depth
    header_address_token_limit header_size_limit hopcount_limit initial_destination_concurrency ipc_idle
    ipc_timeout ipc_ttl lmdb_map_size lmtp_connection_cache_time_limit lmtp_connection_reuse_time_limit
    lmtp_data_done_timeout lmtp_data_init_timeout lmtp_data_xfer_timeout lmtp_lhlo_timeout lmtp_mail_timeout
    lmtp_min_data_rate lmtp_pix_workaround_delay_time lmtp_quit_timeout lmtp_rcpt_timeout lmtp_rset_timeout
    lmtp_starttls_timeout lmtp_xforward_timeout max_idle max_use maximal_backoff_time milter_command_timeout
    milter_connect_timeout milter_content_timeout mime_boundary_length_limit mime_nesting_limit
    minimal_backoff_time postscreen_bare_newline_ttl postscreen_cache_retention_time
    postscreen_command_count_limit postscreen_command_time_limit postscreen_dnsbl_max_ttl
    postscreen_dnsbl_min_ttl postscreen_dnsbl_threshold postscreen_dnsbl_timeout postscreen_greet_ttl
    postscreen_greet_wait postscreen_non_smtp_command_ttl postscreen_pipelining_ttl
    postscreen_upstream_proxy_timeout qmgr_daemon_timeout qmgr_ipc_timeout qmgr_message_active_limit
    qmgr_message_recipient_limit qmgr_message_recipient_minimum qmqpd_timeout queue_file_attribute_count_limit
    queue_run_delay service_throttle_time smtp_connection_cache_time_limit smtp_connection_reuse_time_limit
    smtp_data_done_timeout smtp_data_init_timeout smtp_data_xfer_timeout smtp_helo_timeout smtp_mail_timeout
    smtp_min_data_rate smtp_pix_workaround_delay_time smtp_quit_timeout smtp_rcpt_timeout smtp_rset_timeout
    smtp_starttls_timeout smtp_xforward_timeout smtpd_hard_error_limit smtpd_history_flush_threshold
    smtpd_junk_command_limit smtpd_min_data_rate smtpd_policy_service_max_idle smtpd_policy_service_max_ttl
    smtpd_policy_service_retry_delay smtpd_policy_service_timeout smtpd_policy_service_try_limit
    smtpd_proxy_timeout smtpd_recipient_limit smtpd_recipient_overshoot_limit smtpd_soft_error_limit
    smtpd_starttls_timeout smtpd_timeout smtpd_upstream_proxy_timeout socketmap_max_reply_size
    stale_lock_time tls_daemon_random_bytes
    tls_random_bytes tls_random_prng_update_period tls_random_reseed_period transport_retry_time trigger_timeout
    virtual_alias_address_length_limit virtual_alias_expansion_limit virtual_alias_recursion_limit
    virtual_minimum_uid
"""
POSITIVE = frozenset(_POSITIVE.split())
# (smallest, greatest) where there are others; 0 is no limit, as it is to Postfix.
RANGES = {
    "bounce_queue_lifetime": (0, 8640000),
    "default_delivery_slot_discount": (0, 100),
    "delay_logging_resolution_limit": (0, 6),
    "in_flow_delay": (0, 10),
    "line_length_limit": (512, 0),
    "lmtp_tls_session_cache_timeout": (0, 8640000),
    "maximal_queue_lifetime": (0, 8640000),
    "postlogd_watchdog_timeout": (10, 0),
    "postscreen_post_queue_limit": (5, 0),
    "postscreen_pre_queue_limit": (10, 0),
    "postscreen_watchdog_timeout": (10, 0),
    "qmgr_fudge_factor": (10, 100),
    "smtp_tls_session_cache_timeout": (0, 8640000),
    "smtpd_forbid_bare_newline_reject_code": (500, 599),
    "smtpd_client_ipv4_prefix_length": (0, 32),
    "smtpd_client_ipv6_prefix_length": (0, 128),
    "smtpd_sasl_response_limit": (12288, 0),
    "smtpd_tls_session_cache_timeout": (0, 8640000),
    "tlsproxy_watchdog_timeout": (10, 0),
    "unverified_recipient_defer_code": (200, 499),
    "unverified_recipient_reject_code": (200, 599),
    "unverified_sender_defer_code": (200, 499),
    "unverified_sender_reject_code": (200, 599),
}
