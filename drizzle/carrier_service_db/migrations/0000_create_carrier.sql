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
CREATE TABLE `carrier_external_refs` (
	`ref_system` varchar(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`ref_id` varchar(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`carrier_id` int NOT NULL,
	CONSTRAINT `carrier_external_refs_pk` PRIMARY KEY(`ref_system`,`ref_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;
--> statement-breakpoint
CREATE TABLE `carrier_services` (
	`id` int AUTO_INCREMENT NOT NULL,
	`carrier_id` int NOT NULL,
	`code` varchar(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`name` varchar(200) NOT NULL,
	`mode` varchar(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`status` varchar(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`transit` json,
	`guaranteed` boolean NOT NULL,
	`limits` json NOT NULL,
	`max_declared_minor` bigint,
	`max_declared_currency` char(3) CHARACTER SET ascii COLLATE ascii_bin,
	`features` json NOT NULL,
	`version` int NOT NULL DEFAULT 1,
	`created_at` datetime(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
	`updated_at` datetime(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
	CONSTRAINT `carrier_services_id` PRIMARY KEY(`id`),
	CONSTRAINT `carrier_services_code` UNIQUE(`carrier_id`,`code`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;
--> statement-breakpoint
CREATE TABLE `carriers` (
	`id` int AUTO_INCREMENT NOT NULL,
	`owner_id` int NOT NULL,
	`code` varchar(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`scac` varchar(4) CHARACTER SET ascii COLLATE ascii_bin,
	`name` varchar(200) NOT NULL,
	`modes` json NOT NULL,
	`countries` json NOT NULL,
	`currency` char(3) CHARACTER SET ascii COLLATE ascii_bin,
	`timezone` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`status` varchar(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`contact` json,
	`insurance_expires_on` date,
	`insurance_ends_at` datetime(3),
	`owner_active` boolean NOT NULL,
	`owner_version` int NOT NULL,
	`external_refs` json NOT NULL,
	`metadata` json NOT NULL,
	`services_version` int NOT NULL DEFAULT 1,
	`version` int NOT NULL DEFAULT 1,
	`created_at` datetime(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
	`updated_at` datetime(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
	CONSTRAINT `carriers_id` PRIMARY KEY(`id`),
	CONSTRAINT `carriers_code` UNIQUE(`code`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;
--> statement-breakpoint
CREATE INDEX `audit_log_subject` ON `audit_log` (`subject`,`id`);--> statement-breakpoint
CREATE INDEX `audit_log_action` ON `audit_log` (`action`,`id`);--> statement-breakpoint
CREATE INDEX `idempotency_keys_created` ON `idempotency_keys` (`created_at`);--> statement-breakpoint
CREATE INDEX `pending` ON `outbox` (`pub_seq`,`part`,`id`);--> statement-breakpoint
CREATE INDEX `carrier_external_refs_carrier` ON `carrier_external_refs` (`carrier_id`);--> statement-breakpoint
CREATE INDEX `carrier_services_by_carrier` ON `carrier_services` (`carrier_id`,`id`);--> statement-breakpoint
CREATE INDEX `carrier_services_by_created` ON `carrier_services` (`carrier_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `carrier_services_by_updated` ON `carrier_services` (`carrier_id`,`updated_at`,`id`);--> statement-breakpoint
CREATE INDEX `carriers_by_owner` ON `carriers` (`owner_id`,`id`);--> statement-breakpoint
CREATE INDEX `carriers_by_scac` ON `carriers` (`scac`,`id`);--> statement-breakpoint
CREATE INDEX `carriers_by_status` ON `carriers` (`status`,`id`);--> statement-breakpoint
CREATE INDEX `carriers_by_name` ON `carriers` (`name`,`id`);--> statement-breakpoint
CREATE INDEX `carriers_by_created` ON `carriers` (`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `carriers_by_updated` ON `carriers` (`updated_at`,`id`);