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
CREATE TABLE `customer_external_refs` (
	`ref_system` varchar(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`ref_id` varchar(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`customer_id` int NOT NULL,
	CONSTRAINT `customer_external_refs_pk` PRIMARY KEY(`ref_system`,`ref_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;
--> statement-breakpoint
CREATE TABLE `customers` (
	`id` int AUTO_INCREMENT NOT NULL,
	`user_id` int NOT NULL,
	`account_number` varchar(40) CHARACTER SET ascii COLLATE ascii_bin,
	`type` varchar(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`company_name` varchar(255),
	`legal_name` varchar(255),
	`country` varchar(2) CHARACTER SET ascii COLLATE ascii_bin,
	`tax_ids` json NOT NULL,
	`status` varchar(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`tier` varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`default_currency` char(3) CHARACTER SET ascii COLLATE ascii_bin,
	`timezone` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`invoice_email` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`payment_terms_days` smallint NOT NULL,
	`portal_user_active` boolean NOT NULL,
	`portal_user_version` int NOT NULL,
	`sales_rep_user_id` int,
	`external_refs` json NOT NULL,
	`tags` json NOT NULL,
	`metadata` json NOT NULL,
	`version` int NOT NULL DEFAULT 1,
	`created_at` datetime(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
	`updated_at` datetime(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
	CONSTRAINT `customers_id` PRIMARY KEY(`id`),
	CONSTRAINT `customers_user` UNIQUE(`user_id`),
	CONSTRAINT `customers_account_number` UNIQUE(`account_number`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;
--> statement-breakpoint
CREATE INDEX `audit_log_subject` ON `audit_log` (`subject`,`id`);--> statement-breakpoint
CREATE INDEX `audit_log_action` ON `audit_log` (`action`,`id`);--> statement-breakpoint
CREATE INDEX `idempotency_keys_created` ON `idempotency_keys` (`created_at`);--> statement-breakpoint
CREATE INDEX `pending` ON `outbox` (`pub_seq`,`part`,`id`);--> statement-breakpoint
CREATE INDEX `customer_external_refs_customer` ON `customer_external_refs` (`customer_id`);--> statement-breakpoint
CREATE INDEX `customers_by_created` ON `customers` (`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `customers_by_updated` ON `customers` (`updated_at`,`id`);--> statement-breakpoint
CREATE INDEX `customers_by_company` ON `customers` (`company_name`,`id`);--> statement-breakpoint
CREATE INDEX `customers_by_status` ON `customers` (`status`,`id`);--> statement-breakpoint
CREATE INDEX `customers_by_tier` ON `customers` (`tier`,`id`);--> statement-breakpoint
CREATE INDEX `customers_by_sales_rep` ON `customers` (`sales_rep_user_id`,`id`);