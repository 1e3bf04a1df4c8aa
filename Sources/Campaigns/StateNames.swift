/// Names and codes of the states, the District of Columbia and the territories (USPS).
enum StateNames {
    /// Reads a two-letter code or a name in any case.
    static func code(of text: String) -> String? {
        let upper = text.uppercased()
        if codes.contains(upper) { return upper }
        return byName[text.lowercased()]
    }

    private static let table = """
        AL Alabama;AK Alaska;AZ Arizona;AR Arkansas;CA California;CO Colorado;CT Connecticut;
        DE Delaware;DC District of Columbia;FL Florida;GA Georgia;HI Hawaii;ID Idaho;IL Illinois;
        IN Indiana;IA Iowa;KS Kansas;KY Kentucky;LA Louisiana;ME Maine;MD Maryland;
        MA Massachusetts;MI Michigan;MN Minnesota;MS Mississippi;MO Missouri;MT Montana;
        NE Nebraska;NV Nevada;NH New Hampshire;NJ New Jersey;NM New Mexico;NY New York;
        NC North Carolina;ND North Dakota;OH Ohio;OK Oklahoma;OR Oregon;PA Pennsylvania;
        RI Rhode Island;SC South Carolina;SD South Dakota;TN Tennessee;TX Texas;UT Utah;VT Vermont;
        VA Virginia;WA Washington;WV West Virginia;WI Wisconsin;WY Wyoming;
        PR Puerto Rico;VI U.S. Virgin Islands;GU Guam;AS American Samoa;
        MP Northern Mariana Islands
        """
    private static let entries: [(code: String, name: String)] = table.split {
        $0 == ";" || $0 == "\n"
    }
    .map { entry in (String(entry.prefix(2)), String(entry.dropFirst(3))) }
    private static let codes = Set(entries.map(\.code))
    private static let byName = Dictionary(
        entries.map { ($0.name.lowercased(), $0.code) }, uniquingKeysWith: { first, _ in first })
}
