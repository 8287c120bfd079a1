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
CREATE TABLE `login_failures` (
	`ident` binary(32) NOT NULL,
	`failures` int NOT NULL,
	`blocked_until` datetime(3),
	`created_at` datetime(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
	`updated_at` datetime(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
	CONSTRAINT `login_failures_ident` PRIMARY KEY(`ident`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;
--> statement-breakpoint
CREATE TABLE `sessions` (
	`id` int AUTO_INCREMENT NOT NULL,
	`user_id` int NOT NULL,
	`generation` int unsigned NOT NULL DEFAULT 1,
	`nonce` binary(16) NOT NULL,
	`rotated_at` datetime(3),
	`method` varchar(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`device` varchar(100),
	`ip` varbinary(16),
	`last_used_at` datetime(3) NOT NULL,
	`idle_expires_at` datetime(3) NOT NULL,
	`absolute_expires_at` datetime(3) NOT NULL,
	`revoked_at` datetime(3),
	`revoke_reason` varchar(30) CHARACTER SET ascii COLLATE ascii_bin,
	`version` int NOT NULL DEFAULT 1,
	`created_at` datetime(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
	CONSTRAINT `sessions_id` PRIMARY KEY(`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;
--> statement-breakpoint
CREATE TABLE `signing_keys` (
	`id` int AUTO_INCREMENT NOT NULL,
	`kid` varchar(43) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`alg` varchar(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`public_jwk` json NOT NULL,
	`private_sealed` varbinary(512) NOT NULL,
	`rotation` int NOT NULL,
	`publish_at` datetime(3) NOT NULL,
	`activate_at` datetime(3) NOT NULL,
	`retire_at` datetime(3) NOT NULL,
	`remove_at` datetime(3) NOT NULL,
	`revoked_at` datetime(3),
	`created_at` datetime(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
	CONSTRAINT `signing_keys_id` PRIMARY KEY(`id`),
	CONSTRAINT `signing_keys_kid` UNIQUE(`kid`),
	CONSTRAINT `signing_keys_rotation` UNIQUE(`rotation`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;
--> statement-breakpoint
CREATE TABLE `roles` (
	`id` int AUTO_INCREMENT NOT NULL,
	`name` varchar(50) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`display_name` varchar(100) NOT NULL,
	`description` varchar(500),
	`permissions` json NOT NULL,
	`is_system` boolean NOT NULL,
	`version` int NOT NULL DEFAULT 1,
	`created_at` datetime(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
	`updated_at` datetime(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
	CONSTRAINT `roles_id` PRIMARY KEY(`id`),
	CONSTRAINT `roles_name` UNIQUE(`name`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;
--> statement-breakpoint
CREATE TABLE `user_roles` (
	`user_id` int NOT NULL,
	`role_id` int NOT NULL,
	`granted_by` int,
	`granted_at` datetime(3) NOT NULL,
	`expires_at` datetime(3),
	`created_at` datetime(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
	CONSTRAINT `user_roles_user_id_role_id_pk` PRIMARY KEY(`user_id`,`role_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;
--> statement-breakpoint
CREATE TABLE `users` (
	`id` int AUTO_INCREMENT NOT NULL,
	`email` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`password` varchar(255) CHARACTER SET ascii COLLATE ascii_bin,
	`first_name` varchar(100) NOT NULL,
	`last_name` varchar(100) NOT NULL,
	`status` varchar(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`status_reason` varchar(500),
	`status_changed_at` datetime(3),
	`user_type` varchar(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`email_verified_at` datetime(3),
	`password_changed_at` datetime(3),
	`locale` varchar(35) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`timezone` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`version` int NOT NULL DEFAULT 1,
	`created_at` datetime(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
	`updated_at` datetime(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
	`anonymised_at` datetime(3),
	CONSTRAINT `users_id` PRIMARY KEY(`id`),
	CONSTRAINT `users_email` UNIQUE(`email`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;
--> statement-breakpoint
ALTER TABLE `user_roles` ADD CONSTRAINT `user_roles_user` FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE `user_roles` ADD CONSTRAINT `user_roles_role` FOREIGN KEY (`role_id`) REFERENCES `roles`(`id`) ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX `audit_log_subject` ON `audit_log` (`subject`,`id`);--> statement-breakpoint
CREATE INDEX `audit_log_action` ON `audit_log` (`action`,`id`);--> statement-breakpoint
CREATE INDEX `idempotency_keys_created` ON `idempotency_keys` (`created_at`);--> statement-breakpoint
CREATE INDEX `pending` ON `outbox` (`pub_seq`,`part`,`id`);--> statement-breakpoint
CREATE INDEX `sessions_user` ON `sessions` (`user_id`,`revoked_at`,`created_at`);--> statement-breakpoint
CREATE INDEX `roles_created_at` ON `roles` (`created_at`);--> statement-breakpoint
CREATE INDEX `users_email_order` ON `users` (`email`,`id`);--> statement-breakpoint
CREATE INDEX `users_created_at` ON `users` (`created_at`);--> statement-breakpoint
CREATE INDEX `users_last_name` ON `users` (`last_name`);--> statement-breakpoint
CREATE INDEX `users_updated_at` ON `users` (`updated_at`);