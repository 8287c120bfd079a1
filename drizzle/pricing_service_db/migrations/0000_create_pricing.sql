CREATE TABLE `audit_log` (
	`id` bigint AUTO_INCREMENT NOT NULL,
	`at` datetime(3) NOT NULL,
	`action` varchar(80) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`actor_kind` varchar(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`actor_id` int,
	`on_behalf_of` int,
	`subject` varchar(80) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`request_id` varchar(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`before_values` json,
	`after_values` json,
	`reason` varchar(500) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	CONSTRAINT `audit_log_id` PRIMARY KEY(`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;
--> statement-breakpoint
CREATE TABLE `event_source` (
	`id` tinyint NOT NULL,
	`source` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`partitions` smallint NOT NULL,
	`generation` bigint NOT NULL,
	CONSTRAINT `event_source_id` PRIMARY KEY(`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;
--> statement-breakpoint
CREATE TABLE `idempotency_keys` (
	`scope_hash` binary(32) NOT NULL,
	`fingerprint` binary(32) NOT NULL,
	`status` smallint,
	`body` longtext,
	`location` varchar(255) CHARACTER SET ascii COLLATE ascii_bin,
	`etag` varchar(80) CHARACTER SET ascii COLLATE ascii_bin,
	`created_at` datetime(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
	CONSTRAINT `idempotency_keys_scope_hash` PRIMARY KEY(`scope_hash`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;
--> statement-breakpoint
CREATE TABLE `inbox_consumer` (
	`consumer` varchar(80) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`source` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`state` varchar(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`types` json NOT NULL,
	`start` varchar(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`changed_by` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`reason` varchar(500) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`changed_at` datetime(3) NOT NULL,
	CONSTRAINT `inbox_consumer_pk` PRIMARY KEY(`consumer`,`source`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;
--> statement-breakpoint
CREATE TABLE `inbox_cursor` (
	`consumer` varchar(80) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`source` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`part` smallint NOT NULL,
	`generation` bigint NOT NULL,
	`last_seq` bigint NOT NULL,
	`last_event_id` varchar(36) CHARACTER SET ascii COLLATE ascii_bin,
	`owner` varchar(64) CHARACTER SET ascii COLLATE ascii_bin,
	`until` datetime(3) NOT NULL,
	`crash_seq` bigint,
	`crashes` smallint NOT NULL DEFAULT 0,
	CONSTRAINT `inbox_cursor_pk` PRIMARY KEY(`consumer`,`source`,`part`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;
--> statement-breakpoint
CREATE TABLE `outbox` (
	`id` bigint AUTO_INCREMENT NOT NULL,
	`event_id` varchar(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`part` smallint NOT NULL,
	`subject` varchar(80) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`subject_seq` bigint NOT NULL,
	`type` varchar(80) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`version` smallint NOT NULL,
	`data` json NOT NULL,
	`meta` json NOT NULL,
	`occurred_at` datetime(3) NOT NULL,
	`pub_seq` bigint,
	CONSTRAINT `outbox_id` PRIMARY KEY(`id`),
	CONSTRAINT `outbox_event` UNIQUE(`event_id`),
	CONSTRAINT `outbox_position` UNIQUE(`part`,`pub_seq`),
	CONSTRAINT `outbox_subject_seq` UNIQUE(`subject`,`subject_seq`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;
--> statement-breakpoint
CREATE TABLE `outbox_sequence` (
	`part` smallint NOT NULL,
	`next_seq` bigint NOT NULL DEFAULT 1,
	`owner` varchar(64) CHARACTER SET ascii COLLATE ascii_bin,
	`until` datetime(3) NOT NULL,
	CONSTRAINT `outbox_sequence_part` PRIMARY KEY(`part`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;
--> statement-breakpoint
CREATE TABLE `outbox_subject` (
	`subject` varchar(80) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`last_seq` bigint NOT NULL,
	CONSTRAINT `outbox_subject_subject` PRIMARY KEY(`subject`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;
--> statement-breakpoint
CREATE TABLE `pricing_rule_revisions` (
	`rule_id` int NOT NULL,
	`code` varchar(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`kind` varchar(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`name` varchar(200),
	`tariff_version_id` int,
	`customer_id` int,
	`conditions` json,
	`action` json NOT NULL,
	`sequence` int,
	`priority` int NOT NULL,
	`effective_from` date NOT NULL,
	`effective_to` date,
	`enabled` boolean NOT NULL,
	`number` int NOT NULL,
	`recorded_at` datetime(3) NOT NULL,
	CONSTRAINT `pricing_rule_revisions_rule_id_number_pk` PRIMARY KEY(`rule_id`,`number`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;
--> statement-breakpoint
CREATE TABLE `pricing_rules` (
	`id` int AUTO_INCREMENT NOT NULL,
	`code` varchar(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`kind` varchar(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`name` varchar(200),
	`tariff_version_id` int,
	`customer_id` int,
	`conditions` json,
	`action` json NOT NULL,
	`sequence` int,
	`priority` int NOT NULL,
	`effective_from` date NOT NULL,
	`effective_to` date,
	`enabled` boolean NOT NULL,
	`number` int NOT NULL,
	`version` int NOT NULL DEFAULT 1,
	`created_at` datetime(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
	`updated_at` datetime(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
	CONSTRAINT `pricing_rules_id` PRIMARY KEY(`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;
--> statement-breakpoint
CREATE TABLE `quote_rates` (
	`quote_id` int NOT NULL,
	`rate_id` smallint NOT NULL,
	`carrier_id` int NOT NULL,
	`service_code` varchar(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`tariff_version_id` int NOT NULL,
	`total_minor` bigint NOT NULL,
	`currency` char(3) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`rate` json NOT NULL,
	CONSTRAINT `quote_rates_quote_id_rate_id_pk` PRIMARY KEY(`quote_id`,`rate_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;
--> statement-breakpoint
CREATE TABLE `quotes` (
	`id` int AUTO_INCREMENT NOT NULL,
	`status` varchar(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`customer_id` int NOT NULL,
	`priced_at` datetime(3) NOT NULL,
	`rate_date` date NOT NULL,
	`expires_at` datetime(3) NOT NULL,
	`engine_version` varchar(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`request` json NOT NULL,
	`request_hash` char(64) NOT NULL,
	`inputs_hash` char(64) NOT NULL,
	`customer` json NOT NULL,
	`customer_version` int NOT NULL,
	`ineligible` json NOT NULL,
	`warnings` json NOT NULL,
	`explanations` json NOT NULL,
	`ref` varchar(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`supersedes` int,
	`created_by` int,
	`version` int NOT NULL DEFAULT 1,
	`created_at` datetime(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
	`updated_at` datetime(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
	CONSTRAINT `quotes_id` PRIMARY KEY(`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;
--> statement-breakpoint
CREATE TABLE `rate_rows` (
	`id` int AUTO_INCREMENT NOT NULL,
	`rate_table_id` int NOT NULL,
	`from_units` decimal(25,10) NOT NULL,
	`to_units` decimal(25,10),
	`price_minor` bigint,
	`rate` decimal(25,10),
	`flat_minor` bigint,
	`allow_zero` boolean NOT NULL,
	CONSTRAINT `rate_rows_id` PRIMARY KEY(`id`),
	CONSTRAINT `rate_rows_from` UNIQUE(`rate_table_id`,`from_units`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;
--> statement-breakpoint
CREATE TABLE `rate_tables` (
	`id` int AUTO_INCREMENT NOT NULL,
	`version_id` int NOT NULL,
	`service` varchar(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`zone` varchar(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`position` int NOT NULL,
	`type` varchar(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`units` varchar(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`break_mode` varchar(20) CHARACTER SET ascii COLLATE ascii_bin,
	`overflow` varchar(20) CHARACTER SET ascii COLLATE ascii_bin,
	`deficit` boolean NOT NULL,
	`allow_zero` boolean NOT NULL,
	`per` decimal(25,10),
	`rate` decimal(25,10),
	`percent` decimal(25,10),
	`size` decimal(25,10),
	`free` decimal(25,10),
	`price_minor` bigint,
	`min_charge_minor` bigint,
	`max_charge_minor` bigint,
	`transit_days` smallint,
	CONSTRAINT `rate_tables_id` PRIMARY KEY(`id`),
	CONSTRAINT `rate_tables_address` UNIQUE(`version_id`,`service`,`zone`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;
--> statement-breakpoint
CREATE TABLE `tariff_version_closings` (
	`version_id` int NOT NULL,
	`closed_to` date NOT NULL,
	`closed_by` int NOT NULL,
	`at` datetime(3) NOT NULL,
	CONSTRAINT `tariff_version_closings_version_id_closed_by_pk` PRIMARY KEY(`version_id`,`closed_by`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;
--> statement-breakpoint
CREATE TABLE `tariff_versions` (
	`id` int AUTO_INCREMENT NOT NULL,
	`tariff_id` int NOT NULL,
	`number` int NOT NULL,
	`state` varchar(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`effective_from` date NOT NULL,
	`effective_to` date,
	`weight_policy` json NOT NULL,
	`rounding` json,
	`discount_stacking` varchar(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`min_net_minor` bigint,
	`min_total_minor` bigint,
	`max_total_minor` bigint,
	`content_hash` char(64),
	`engine_version` varchar(10) CHARACTER SET ascii COLLATE ascii_bin,
	`based_on` int,
	`change_note` varchar(500),
	`warnings` json NOT NULL,
	`published_at` datetime(3),
	`published_by` int,
	`withdrawn_at` datetime(3),
	`version` int NOT NULL DEFAULT 1,
	`created_at` datetime(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
	`updated_at` datetime(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
	CONSTRAINT `tariff_versions_id` PRIMARY KEY(`id`),
	CONSTRAINT `tariff_versions_number` UNIQUE(`tariff_id`,`number`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;
--> statement-breakpoint
CREATE TABLE `tariffs` (
	`id` int AUTO_INCREMENT NOT NULL,
	`code` varchar(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`name` varchar(200) NOT NULL,
	`carrier_id` int NOT NULL,
	`service_codes` json NOT NULL,
	`side` varchar(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'sell',
	`scope` varchar(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`customer_id` int,
	`priority` int NOT NULL DEFAULT 0,
	`currency` char(3) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`timezone` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`rate_date_basis` varchar(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`fallback_policy` varchar(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`quote_validity_days` smallint NOT NULL,
	`cap_at_tariff_end` boolean NOT NULL,
	`version` int NOT NULL DEFAULT 1,
	`created_at` datetime(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
	`updated_at` datetime(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
	CONSTRAINT `tariffs_id` PRIMARY KEY(`id`),
	CONSTRAINT `tariffs_code` UNIQUE(`code`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;
--> statement-breakpoint
CREATE INDEX `audit_log_subject` ON `audit_log` (`subject`,`id`);--> statement-breakpoint
CREATE INDEX `audit_log_action` ON `audit_log` (`action`,`id`);--> statement-breakpoint
CREATE INDEX `idempotency_keys_created` ON `idempotency_keys` (`created_at`);--> statement-breakpoint
CREATE INDEX `pending` ON `outbox` (`pub_seq`,`part`,`id`);--> statement-breakpoint
CREATE INDEX `pricing_rules_by_version` ON `pricing_rules` (`tariff_version_id`,`id`);--> statement-breakpoint
CREATE INDEX `pricing_rules_by_customer` ON `pricing_rules` (`customer_id`,`id`);--> statement-breakpoint
CREATE INDEX `pricing_rules_by_created` ON `pricing_rules` (`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `quote_rates_by_carrier` ON `quote_rates` (`carrier_id`,`quote_id`);--> statement-breakpoint
CREATE INDEX `quote_rates_by_version` ON `quote_rates` (`tariff_version_id`,`quote_id`);--> statement-breakpoint
CREATE INDEX `quotes_by_customer` ON `quotes` (`customer_id`,`id`);--> statement-breakpoint
CREATE INDEX `quotes_by_customer_created` ON `quotes` (`customer_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `quotes_by_customer_status` ON `quotes` (`customer_id`,`status`,`id`);--> statement-breakpoint
CREATE INDEX `quotes_by_created` ON `quotes` (`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `quotes_by_ref` ON `quotes` (`ref`,`id`);--> statement-breakpoint
CREATE INDEX `tariff_version_closings_by_closer` ON `tariff_version_closings` (`closed_by`);--> statement-breakpoint
CREATE INDEX `tariff_versions_by_tariff` ON `tariff_versions` (`tariff_id`,`id`);--> statement-breakpoint
CREATE INDEX `tariff_versions_by_number` ON `tariff_versions` (`tariff_id`,`number`,`id`);--> statement-breakpoint
CREATE INDEX `tariff_versions_by_state` ON `tariff_versions` (`state`,`tariff_id`);--> statement-breakpoint
CREATE INDEX `tariffs_by_code` ON `tariffs` (`code`,`id`);--> statement-breakpoint
CREATE INDEX `tariffs_by_carrier` ON `tariffs` (`carrier_id`,`id`);--> statement-breakpoint
CREATE INDEX `tariffs_by_customer` ON `tariffs` (`customer_id`,`id`);--> statement-breakpoint
CREATE INDEX `tariffs_by_created` ON `tariffs` (`created_at`,`id`);