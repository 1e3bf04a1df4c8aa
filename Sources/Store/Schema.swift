internal import GRDB

/// The tables, as migrations that are only ever added to. Times are milliseconds since 1970 in
/// UTC (`WallTime`); words are the raw values of CallModel's enums.
enum Schema {
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1 calls") { database in
            for statement in version1 { try database.execute(sql: statement) }
        }
        migrator.registerMigration("2 quality of media") { database in
            for statement in version2 { try database.execute(sql: statement) }
        }
        migrator.registerMigration("3 policies of campaigns") { database in
            for statement in version3 { try database.execute(sql: statement) }
        }
        migrator.registerMigration("4 direct calls") { database in
            for statement in version4 { try database.execute(sql: statement) }
        }
        return migrator
    }

    /// Calls without a contact that were allowed: which of them have no record is asked at each start.
    private static let version4 = [
        """
        CREATE INDEX decisions_direct ON decisions (call_id)
        WHERE verdict = 'allow' AND contact_id IS NULL
        """
    ]

    /// NULL: as the server is configured.
    private static let version3 = ["ALTER TABLE campaigns ADD COLUMN answer_policy TEXT"]

    /// Records of before have none of these: NULL.
    private static let version2 = [
        "mos REAL", "r_factor REAL", "round_trip_milliseconds REAL", "remote_packets_lost INTEGER",
        "remote_jitter_milliseconds REAL", "remote_mos REAL",
    ].map { "ALTER TABLE call_records ADD COLUMN \($0)" }

    private static let version1 = [
        """
        CREATE TABLE campaigns (
            campaign_id TEXT PRIMARY KEY NOT NULL,
            name TEXT NOT NULL,
            status TEXT NOT NULL,
            purpose TEXT NOT NULL,
            caller_id TEXT NOT NULL,
            calls_per_minute INTEGER NOT NULL,
            maximum_concurrent_calls INTEGER NOT NULL,
            maximum_attempts INTEGER NOT NULL,
            ring_timeout_seconds INTEGER NOT NULL,
            maximum_call_seconds INTEGER NOT NULL,
            stream_url TEXT,
            voicemail_path TEXT,
            message_path TEXT,
            record INTEGER NOT NULL,
            talking_points TEXT NOT NULL,
            position INTEGER NOT NULL
        ) STRICT
        """,
        """
        CREATE TABLE contacts (
            position INTEGER PRIMARY KEY AUTOINCREMENT,
            contact_id TEXT NOT NULL UNIQUE,
            campaign_id TEXT NOT NULL REFERENCES campaigns ON DELETE CASCADE,
            number TEXT NOT NULL,
            name TEXT,
            stated_zone TEXT,
            state TEXT,
            consent TEXT NOT NULL,
            consent_at INTEGER,
            attributes TEXT NOT NULL,
            status TEXT NOT NULL,
            not_before INTEGER NOT NULL DEFAULT 0,
            UNIQUE (campaign_id, number)
        ) STRICT
        """,
        "CREATE INDEX contacts_due ON contacts (campaign_id, status, not_before, position)",
        // One row an attempt, committed before its INVITE. `state`: claimed (nothing sent),
        // dialling (the gate said yes; the INVITE may be out), finished (a record exists).
        """
        CREATE TABLE attempts (
            call_id TEXT PRIMARY KEY NOT NULL,
            contact_id TEXT NOT NULL REFERENCES contacts (contact_id),
            campaign_id TEXT NOT NULL REFERENCES campaigns,
            attempt INTEGER NOT NULL CHECK (attempt >= 1),
            number TEXT NOT NULL,
            claimed_at INTEGER NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('claimed', 'dialling', 'finished')),
            counts INTEGER NOT NULL DEFAULT 0,
            UNIQUE (contact_id, attempt)
        ) STRICT
        """,
        "CREATE INDEX attempts_open ON attempts (number) WHERE state <> 'finished'",
        """
        CREATE TABLE call_records (
            position INTEGER PRIMARY KEY AUTOINCREMENT,
            call_id TEXT NOT NULL UNIQUE,
            direction TEXT NOT NULL,
            campaign_id TEXT,
            contact_id TEXT,
            attempt INTEGER NOT NULL,
            number TEXT,
            started_at INTEGER NOT NULL,
            ringing_at INTEGER,
            answered_at INTEGER,
            ended_at INTEGER NOT NULL,
            end_reason TEXT NOT NULL,
            sip_status INTEGER NOT NULL,
            verdict TEXT,
            verdict_confidence REAL,
            disposition TEXT NOT NULL,
            outcome TEXT NOT NULL,
            outcome_confidence REAL NOT NULL,
            interest REAL,
            summary TEXT NOT NULL,
            recording_path TEXT,
            decision_id TEXT,
            events TEXT NOT NULL,
            packets_received INTEGER,
            packets_sent INTEGER,
            packets_lost INTEGER,
            packets_rejected INTEGER,
            jitter_milliseconds REAL,
            counts INTEGER NOT NULL
        ) STRICT
        """,
        "CREATE INDEX call_records_campaign ON call_records (campaign_id, position)",
        "CREATE INDEX call_records_number ON call_records (number, started_at)",
        // The audit chain: see Store+Decisions.swift.
        """
        CREATE TABLE decisions (
            sequence INTEGER PRIMARY KEY NOT NULL,
            decision_id TEXT NOT NULL UNIQUE,
            call_id TEXT NOT NULL,
            contact_id TEXT,
            verdict TEXT NOT NULL,
            body TEXT NOT NULL,
            previous_hash TEXT NOT NULL,
            hash TEXT NOT NULL
        ) STRICT
        """,
        "CREATE INDEX decisions_call ON decisions (call_id)",
        refusal(of: "UPDATE", on: "decisions", "the audit chain is append-only"),
        refusal(of: "DELETE", on: "decisions", "the audit chain is append-only"),
        """
        CREATE TABLE internal_list (
            number TEXT PRIMARY KEY NOT NULL,
            source TEXT NOT NULL,
            call_id TEXT,
            at INTEGER NOT NULL
        ) STRICT
        """,
        refusal(of: "UPDATE", on: "internal_list", "a do-not-call request stays"),
        refusal(of: "DELETE", on: "internal_list", "a do-not-call request stays"),
        refusal(of: "DELETE", on: "call_records", "a call record stays"),
        refusal(of: "UPDATE", on: "call_records", "a call record is written once"),
    ]

    private static func refusal(of verb: String, on table: String, _ reason: String) -> String {
        """
        CREATE TRIGGER \(table)_no_\(verb.lowercased()) BEFORE \(verb) ON \(table)
        BEGIN SELECT RAISE(ABORT, '\(reason)'); END
        """
    }
}
