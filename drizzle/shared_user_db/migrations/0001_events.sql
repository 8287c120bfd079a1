CREATE TABLE `event_generation` (
	`generation` bigint NOT NULL,
	`part` smallint NOT NULL,
	`base_seq` bigint NOT NULL,
	`reason` varchar(500) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`actor` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`at` datetime(3) NOT NULL,
	CONSTRAINT `event_generation_pk` PRIMARY KEY(`generation`,`part`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;
--> statement-breakpoint
CREATE TABLE `inbox_parked` (
	`consumer` varchar(80) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`source` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`part` smallint NOT NULL,
	`pub_seq` bigint NOT NULL,
	`subject` varchar(80) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`event_id` varchar(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`type` varchar(80) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`envelope` json NOT NULL,
	`replay_id` varchar(36) CHARACTER SET ascii COLLATE ascii_bin,
	`attempts` smallint NOT NULL,
	`unfinished` tinyint NOT NULL DEFAULT 0,
	`next_at` datetime(3),
	`error_code` varchar(80) CHARACTER SET ascii COLLATE ascii_bin,
	`error` varchar(500) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`first_at` datetime(3) NOT NULL,
	`last_at` datetime(3) NOT NULL,
	CONSTRAINT `inbox_parked_pk` PRIMARY KEY(`consumer`,`source`,`part`,`pub_seq`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;
--> statement-breakpoint
CREATE TABLE `jobs` (
	`id` varchar(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`kind` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`state` varchar(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`input` json NOT NULL,
	`position` json NOT NULL,
	`total` bigint,
	`done` bigint NOT NULL DEFAULT 0,
	`deaths` smallint NOT NULL DEFAULT 0,
	`error_code` varchar(80) CHARACTER SET ascii COLLATE ascii_bin,
	`error` varchar(500) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`created_by` json NOT NULL,
	`request_id` varchar(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`owner` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
	`until` datetime(3),
	`created_at` datetime(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
	`started_at` datetime(3),
	`finished_at` datetime(3),
	CONSTRAINT `jobs_id` PRIMARY KEY(`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;
--> statement-breakpoint
CREATE TABLE `outbox_ack` (
	`consumer` varchar(80) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`part` smallint NOT NULL,
	`acked_seq` bigint,
	`seen_at` datetime(3) NOT NULL,
	CONSTRAINT `outbox_ack_pk` PRIMARY KEY(`consumer`,`part`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;
--> statement-breakpoint
CREATE INDEX `line` ON `inbox_parked` (`consumer`,`source`,`subject`,`pub_seq`);--> statement-breakpoint
CREATE INDEX `inbox_parked_event` ON `inbox_parked` (`event_id`);--> statement-breakpoint
CREATE INDEX `jobs_due` ON `jobs` (`until`);