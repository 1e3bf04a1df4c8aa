public import Base
public import CallModel
internal import GRDB

/// A contact and where it stands.
public struct StoredContact: Sendable, Equatable {
    /// As it was imported.
    public var contact: Contact
    /// `in_progress` while an attempt is under way.
    public var status: ContactStatus
    /// The next attempt is not made before this time.
    public var notBefore: WallTime
    /// Attempts made so far, those that did not count included.
    public var attempts: Int
}

extension Store {
    /// Contacts that one import takes at most.
    public static let maximumImport = 1_000_000

    /// Adds contacts, all pending, in one transaction. One whose number (or identifier) the
    /// campaign has already is counted as a duplicate and left as it is.
    ///
    /// Throws `notFound` for an unknown campaign, `conflict` for a completed one, which would never
    /// call them, `limit` beyond `maximumImport`; then nothing has been added.
    public func importContacts(
        _ contacts: [Contact]
    ) async throws(StoreError) -> (inserted: Int, duplicates: Int) {
        guard contacts.count <= Self.maximumImport else {
            throw .limit(name: "contacts of one import", maximum: Self.maximumImport)
        }
        return try await write { [columns] database in
            for campaign in Set(contacts.map(\.campaign)) {
                let status = try String.fetchOne(
                    database, sql: "SELECT status FROM campaigns WHERE campaign_id = ?",
                    arguments: [campaign.value])
                guard let status else { throw StoreError.notFound("campaign") }
                guard status != Campaign.Status.completed.rawValue else {
                    throw StoreError.conflict(
                        "campaign \(campaign) is completed and calls nobody any more; make another")
                }
            }
            let statement = try database.makeStatement(
                sql: """
                    INSERT INTO contacts (
                        contact_id, campaign_id, number, name, stated_zone, state, consent,
                        consent_at, attributes, status
                    ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'pending') ON CONFLICT DO NOTHING
                    """)
            var inserted = 0
            for contact in contacts {
                try statement.execute(arguments: [
                    contact.id.value, contact.campaign.value, columns.seal(contact.number),
                    contact.name.map(columns.seal), contact.statedZone, contact.state,
                    contact.consent.rawValue, contact.consentAt?.milliseconds,
                    columns.seal(contact.attributes),
                ])
                inserted += database.changesCount
            }
            return (inserted, contacts.count - inserted)
        }
    }

    /// How many contacts of a campaign stand where. Every status is there, if only with 0.
    public func contactCounts(
        _ campaign: CampaignID
    ) async throws(StoreError) -> [ContactStatus: Int] {
        try await read { database in
            var counts: [ContactStatus: Int] = [:]
            for status in ContactStatus.allCases { counts[status] = 0 }
            let rows = try Row.fetchAll(
                database,
                sql: """
                    SELECT status, count(*) AS contacts FROM contacts WHERE campaign_id = ?
                    GROUP BY status
                    """, arguments: [campaign.value])
            for row in rows { counts[try row.word("status")] = try row.value("contacts") }
            return counts
        }
    }

    /// nil when there is none of this identifier.
    public func contact(_ id: ContactID) async throws(StoreError) -> StoredContact? {
        try await read { [columns] database in
            try Row.fetchOne(
                database, sql: Self.contactSelection + " WHERE contact_id = ?",
                arguments: [id.value]
            ).map { try Self.storedContact($0, columns) }
        }
    }

    /// A page of a campaign's contacts in the order of their import.
    ///
    /// - Parameters:
    ///   - status: only contacts that stand there.
    ///   - limit: 1…`maximumPage`; other values are brought into that range.
    ///   - after: the last contact of the page before.
    public func contacts(
        _ campaign: CampaignID, status: ContactStatus? = nil, limit: Int = 100,
        after: ContactID? = nil
    ) async throws(StoreError) -> [StoredContact] {
        try await read { [columns] database in
            try Row.fetchAll(
                database,
                sql: Self.contactSelection + """
                     WHERE campaign_id = :campaign AND (:status IS NULL OR status = :status)
                     AND position > ifnull(
                        (SELECT position FROM contacts WHERE contact_id = :after), 0)
                     ORDER BY position LIMIT :limit
                    """,
                arguments: [
                    "campaign": campaign.value, "status": status?.rawValue,
                    "after": after?.value, "limit": Self.page(limit),
                ]
            ).map { try Self.storedContact($0, columns) }
        }
    }

    /// When the next pending contact of a campaign is due (a time that has passed: now); nil when
    /// none is pending.
    public func nextDue(_ campaign: CampaignID) async throws(StoreError) -> WallTime? {
        try await read { database in
            try Int64.fetchOne(
                database,
                sql: """
                    SELECT min(not_before) FROM contacts
                    WHERE campaign_id = ? AND status = 'pending'
                    """, arguments: [campaign.value]
            ).map { WallTime(milliseconds: $0) }
        }
    }

    static func page(_ limit: Int) -> Int { max(1, min(limit, maximumPage)) }

    private static let contactSelection = """
        SELECT *, (SELECT count(*) FROM attempts WHERE attempts.contact_id = contacts.contact_id)
            AS attempts FROM contacts
        """

    private static func storedContact(
        _ row: Row, _ columns: PersonalColumn
    ) throws(StoreError) -> StoredContact {
        StoredContact(
            contact: try contact(row, columns), status: try row.word("status"),
            notBefore: try row.time("not_before"), attempts: try row.value("attempts"))
    }

    static func contact(_ row: Row, _ columns: PersonalColumn) throws(StoreError) -> Contact {
        Contact(
            id: ContactID(try row.value("contact_id")),
            campaign: CampaignID(try row.value("campaign_id")),
            number: try columns.number(try row.value("number")),
            name: row.optional("name").map(columns.text), statedZone: row.optional("stated_zone"),
            state: row.optional("state"), consent: try row.word("consent"),
            consentAt: row.optionalTime("consent_at"),
            attributes: try columns.attributes(try row.value("attributes")))
    }
}
