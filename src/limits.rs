//! Every bound of the archive in one table, so that a reader sees at once what can grow and how far.
//!
//! Not for: configuration; these are properties of the software, changed by a release.

/// Longest line or resource that is parsed, in bytes. A longer one is quarantined whole.
pub const RECORD_BYTES_MAX: usize = 256 << 20;
/// Deepest nesting of a JSON record.
pub const JSON_DEPTH_MAX: usize = 100;
/// Most values (strings, numbers, literals) of one record that are kept apart from its template.
pub const LEAVES_MAX: usize = 100_000;
/// Most shapes (JSON templates) that one accession keeps in its shared table; further ones stand in their frames.
pub const SHAPES_MAX: usize = 60_000;
/// Bytes of all shared shapes together.
pub const SHAPES_BYTES_MAX: usize = 64 << 20;
/// Raw bytes of the records of one chart frame (a frame holds at least one record).
pub const FRAME_RAW_MAX: usize = 1 << 20;
/// Largest unpacked frame payload that a reader accepts.
pub const FRAME_PAYLOAD_MAX: usize = 1 << 30;
/// Raw bytes of the documents of one pack frame (a frame holds at least one document).
pub const PACK_RAW_MAX: usize = 64 << 10;
/// Zip, gzip or zstd expansion beyond this ratio is refused once the output passes 64 MiB.
pub const EXPANSION_RATIO_MAX: u64 = 200;
/// What any packed file may expand to, whatever the ratio.
pub const EXPANSION_FREE: u64 = 64 << 20;
/// Largest file in which the sending system says what it delivered, in bytes.
pub const DELIVERY_MANIFEST_BYTES_MAX: u64 = 64 << 20;
/// Most members of one delivered container, those of containers inside it included.
pub const MEMBERS_MAX: u64 = 1_000_000;
/// Deepest nesting of containers: a container in a container in a container.
pub const CONTAINER_DEPTH_MAX: usize = 3;
/// Longest name of a member, in bytes.
pub const MEMBER_NAME_MAX: usize = 4096;
/// Longest extension header of a tar file, in bytes.
pub const TAR_EXTENSION_MAX: u64 = 1 << 20;
/// Longest text of one document that is indexed, in bytes.
pub const INDEX_TEXT_MAX: usize = 8 << 20;
/// Largest HTTP request body, in bytes.
pub const REQUEST_BODY_MAX: usize = 1 << 20;
/// Largest request body with a file in it.
pub const UPLOAD_MAX: usize = PAPER_BYTES_MAX + (1 << 20);
/// Most hits of one page of any search.
pub const PAGE_MAX: usize = 1000;
/// Most patient keys that are shown as one person; a larger group is a mistake somewhere, and each key stands alone until it
/// is looked into.
pub const LINKED_KEYS_MAX: usize = 64;
/// Largest crosswalk file, in bytes.
pub const CROSSWALK_BYTES_MAX: u64 = 1 << 30;
/// Longest user-given free text in an audit entry, in bytes.
pub const AUDIT_TEXT_MAX: usize = 64 << 10;
/// Longest text of one message to a syslog collector, in bytes; with its head it is what every receiver must take (RFC 5425
/// and DICOM PS3.15 A.6: 32 KiB).
pub const SYSLOG_MESSAGE_MAX: usize = 32_000;
/// Bytes of messages that one file of the syslog buffer takes.
pub const SYSLOG_FILE_MAX: usize = 1 << 20;
/// Bytes of messages that wait for a syslog collector; beyond that the oldest are dropped.
pub const SYSLOG_BUFFER_MAX: u64 = 256 << 20;
/// Longest text taken out of one document, in bytes; the rest is left with a finding.
pub const EXTRACTED_TEXT_MAX: usize = 64 << 20;
/// Largest table of loose documents that is held in memory, in bytes.
pub const DOCUMENT_INDEX_BYTES_MAX: usize = 1 << 30;
/// Bytes that the parts of one Word document may unpack to; the rest is left with a finding.
pub const DOCX_UNPACKED_MAX: u64 = 64 << 20;
/// Deepest nesting of an XML document.
pub const XML_DEPTH_MAX: usize = 512;
/// Most elements of an XML document of which a tree is made.
pub const XML_ELEMENTS_MAX: usize = 2_000_000;
/// Most attributes of one XML element; further ones are left out with a finding.
pub const XML_ATTRIBUTES_MAX: usize = 256;
/// Most namespace prefixes in force at one place of an XML document; further ones count as not declared.
pub const XML_NAMESPACES_MAX: usize = 100;
/// Deepest nesting of groups in an RTF document.
pub const RTF_DEPTH_MAX: usize = 1000;
/// Deepest nesting of elements in HTML that is shown again; deeper tags are dropped, their text is kept.
pub const HTML_DEPTH_MAX: usize = 200;
/// Largest PDF that is opened, in bytes.
pub const PDF_BYTES_MAX: usize = 256 << 20;
/// Most bytes that one packed stream of a PDF may unpack to.
pub const PDF_STREAM_MAX: u64 = 512 << 20;
/// Most pages of a PDF whose text is read.
pub const PDF_PAGES_MAX: usize = 5_000;
/// Seconds that reading the text of one PDF may take; pages read until then are kept.
pub const PDF_TEXT_SECONDS_MAX: u64 = 20;
/// Seconds that drawing one page may take.
pub const PAGE_SECONDS_MAX: u64 = 20;
/// Most pixels of a picture that is decoded or drawn.
pub const PICTURE_PIXELS_MAX: u64 = 40_000_000;
/// Most document workers (threads with a time limit) alive at once, those included that overran and cannot be stopped.
pub const DOCUMENT_WORKERS_MAX: usize = 64;
/// Deepest nesting of brackets in a mapping file.
pub const SETTINGS_DEPTH_MAX: usize = 100;
/// Longest expression of a mapping file, in bytes.
pub const EXPRESSION_BYTES_MAX: usize = 8 << 10;
/// Deepest nesting of parentheses in such an expression.
pub const EXPRESSION_DEPTH_MAX: usize = 32;
/// Most conditions that `and` and `or` join in such an expression.
pub const EXPRESSION_CONDITIONS_MAX: usize = 256;
/// Deepest element that a mapping file writes: the steps of its path.
pub const ELEMENT_DEPTH_MAX: usize = 40;
/// Most rows of one table that others look up.
pub const LOOKUP_ROWS_MAX: usize = 20_000_000;
/// Most bytes of the values kept of such a table.
pub const LOOKUP_BYTES_MAX: usize = 2 << 30;
/// How much of a table's beginning is read to find its dialect and header, in bytes.
pub const TABLE_HEAD_BYTES: usize = 1 << 20;
/// Deepest nesting of entries of a CDA document, one inside the other.
pub const CDA_ENTRY_DEPTH_MAX: usize = 16;
/// Most findings about the entries of one section of a CDA document.
pub const CDA_FINDINGS_MAX: usize = 1000;
/// Bytes of narrative that the references of one CDA document may bring into its entries, all together.
pub const CDA_REFERENCED_TEXT_MAX: usize = 8 << 20;
/// Most fields of one row of a table. A row of more is no row of a table that anybody keeps, and each of them costs memory.
pub const TABLE_FIELDS_MAX: usize = 16_384;
/// Largest file inside a CDA document, in bytes, as it is and after its compression is undone.
pub const CDA_MEDIA_BYTES_MAX: usize = 200 << 20;
/// How many times larger such a file may become.
pub const CDA_MEDIA_RATIO_MAX: usize = 200;
/// Most pages of one file inside a CDA document that its page shows as pictures.
pub const CDA_PICTURE_PAGES_MAX: u32 = 60;
/// Most top sections of a CDA document that a clinician's view moves; the style sheet puts that many back for print.
pub const CDA_SECTIONS_REORDERED_MAX: usize = 60;
/// Bytes of a document's XML that one page of its source shows.
pub const XML_PAGE_BYTES_MAX: usize = 32 << 10;
/// Most pages of one file inside a CDA document that are printed as pictures, and the bytes that they may take all together.
pub const CDA_PAPER_PICTURES_MAX: u32 = 2_000;
pub const CDA_PAPER_PIXELS_MAX: usize = 512 << 20;
/// Longest row of a table whose quoted fields span lines, in bytes; a longer one is taken for a quote that nobody closed.
pub const TABLE_ROW_BYTES_MAX: usize = 16 << 20;
/// Most distinct values of one column that a profile counts exactly.
pub const PROFILE_VALUES_MAX: usize = 1_000_000;
/// Most distinct values of all columns of one table that a profile holds.
pub const PROFILE_TABLE_VALUES_MAX: usize = 8_000_000;
/// Most distinct values of one column that a profile keeps for comparing tables.
pub const PROFILE_KEY_VALUES_MAX: usize = 250_000;
/// Longest HL7 v2 message that is read, in bytes; places in it are kept in 32 bits.
pub const HL7V2_MESSAGE_MAX: usize = 256 << 20;
/// Most fields of one HL7 v2 segment that are read; the rest stays in the message.
pub const HL7V2_FIELDS_MAX: usize = 4096;
/// Most numbers of one patient in one field of HL7 v2 that are compared with each other.
pub const HL7V2_IDENTIFIERS_MAX: usize = 200;
/// Most sign-ins at identity providers that are under way at once; further ones are put off.
pub const SIGNINS_MAX: i64 = 20_000;
/// Most launched patients that one session has open; the oldest gives way.
pub const CONTEXTS_MAX: i64 = 32;
/// Longest answer of an identity provider or of an EHR during a sign-in, in bytes.
pub const PROVIDER_ANSWER_MAX: u64 = 256 << 10;
/// Largest policy file and largest table of cases, in bytes.
pub const POLICY_BYTES_MAX: u64 = 1 << 20;
/// Most rules of a policy.
pub const POLICY_RULES_MAX: usize = 500;
/// Largest file of care relations, in bytes.
pub const RELATIONS_BYTES_MAX: u64 = 1 << 30;
/// Largest key set of an identity provider or a program, in bytes.
pub const JWKS_BYTES_MAX: u64 = 256 << 10;
/// Most keys of one such set.
pub const JWKS_KEYS_MAX: usize = 64;
/// Longest answer about a token of an outside issuer, in bytes.
pub const INTROSPECTION_ANSWER_MAX: u64 = 64 << 10;
/// Most such answers that are remembered for each issuer, and most questions on their way to it at once.
pub const INTROSPECTIONS_KEPT: usize = 10_000;
pub const INTROSPECTIONS_AT_ONCE: usize = 8;
/// Largest discovery document of an identity provider, in bytes.
pub const DISCOVERY_BYTES_MAX: u64 = 256 << 10;
/// Most scopes of one token that are read; further ones grant nothing.
pub const TOKEN_SCOPES_MAX: usize = 200;
/// Most acts that one report on the access log lists.
pub const REPORT_ACTS_MAX: usize = 50_000;
/// Directory records that one C-CDA document looks up; references beyond keep their words.
pub const CCD_DIRECTORY_MAX: usize = 5_000;
/// Longest attached text that stands in a C-CDA document's notes, and all of them together, in bytes; others are named.
pub const CCD_NOTE_BYTES_MAX: usize = 1 << 20;
pub const CCD_NOTES_BYTES_MAX: usize = 32 << 20;
/// Most entries that are read back from the log to be sorted by a column that only they have.
pub const REPORT_FULL_MAX: usize = 5_000;
/// Acts that one export from a page holds; more are for the command line.
pub const EXPORT_ACTS_MAX: u64 = 200_000;
/// Entries that are saved from a page with their proofs; more are for the command line.
pub const EVIDENCE_ENTRIES_MAX: usize = 20_000;
/// Most rows of one page of such a report.
pub const REPORT_PAGE_MAX: usize = 1_000;
/// Most acts of one day that the signals of snooping are computed for; about 40 bytes each.
pub const SIGNAL_ACTS_MAX: usize = 20_000_000;
/// Most flags of one day that are kept.
pub const SIGNAL_FLAGS_MAX: usize = 10_000;
/// Days back to which it is remembered who opened which chart; at most 63.
pub const SIGNAL_HISTORY_DAYS: u32 = 30;
/// Most charts of one day whose visits are read for the signals; of further ones they count as not known.
pub const SIGNAL_CHARTS_MAX: usize = 250_000;
/// Names of places that are held while visits are read.
pub const PLACE_NAMES_MAX: usize = 100_000;
/// Largest file of the workforce, in bytes; of sites and of the news list likewise.
pub const WORKFORCE_BYTES_MAX: u64 = 1 << 30;
/// Most rows of a file of the workforce, of sites, or of the news list.
pub const WORKFORCE_ROWS_MAX: u64 = 1_000_000;
/// How long one use of break-glass lasts, in seconds, when it does not end before.
pub const BREAK_GLASS_SECONDS: i64 = 3600;
/// Uses of break-glass that one person may begin in an hour.
pub const BREAK_GLASS_PER_HOUR: u32 = 3;
/// Longest reason that a person writes for it, and longest comment of its review, in characters.
pub const BREAK_GLASS_TEXT_MAX: usize = 2000;
/// Deepest nesting of an object of an attached PDF whose pages are taken over, and of its tree of pages.
pub const PDF_SHEET_DEPTH_MAX: usize = 64;
/// Most objects that the pages of one attached PDF bring with them.
pub const PDF_SHEET_OBJECTS_MAX: usize = 1_000_000;
/// Largest side of a page of an attached PDF, in points (the format's own bound).
pub const PDF_SHEET_POINTS_MAX: f32 = 14_400.0;
/// Bytes that the drawing of one page of an attached PDF may unpack to.
pub const PDF_SHEET_CONTENT_MAX: usize = 256 << 20;
/// Seconds for which a proof of who one is counts before a release is approved or handed out.
pub const STEP_UP_SECONDS: i64 = 10 * 60;
/// Most requests that one board shows.
pub const RELEASES_LISTED_MAX: usize = 500;
/// Previews of releases that are kept open for whoever looks at their pages, and bytes that their tables take together.
pub const PREVIEWS_OPEN_MAX: usize = 16;
pub const PREVIEWS_OPEN_BYTES_MAX: usize = 64 << 20;
/// Largest paper that is kept with a request, in bytes.
pub const PAPER_BYTES_MAX: usize = 50 << 20;
/// Days for which the link of a package works.
pub const RELEASE_LINK_DAYS: i64 = 14;
/// Wrong answers that it takes.
pub const RELEASE_LINK_TRIES: i64 = 5;
/// Persons whom a subject of a request may be, at most, that are looked at together.
pub const RELEASE_CANDIDATES_MAX: usize = 20;
/// Bytes of an item in quarantine that one page shows the form of.
pub const KEPT_SHOWN_BYTES: usize = 16 << 10;
/// Most pairs of patients who may be one person that are listed; the likeliest.
pub const IDENTITY_PAIRS_MAX: usize = 2_000;
/// Most codes that stand alone which are remembered of one accession; the most frequent.
pub const UNMAPPED_MAX: usize = 5_000;
/// Most records of one person that a release can choose from, earlier versions included.
pub const RELEASE_RECORDS_MAX: usize = 1_000_000;
/// Longest attached text whose head is read for whom it names, and as much of it as is looked at, in bytes.
pub const RELEASE_HEAD_TEXT_MAX: usize = 8 << 10;
/// Hits that a search for the words of a request asks for at a time.
pub const RELEASE_HITS_PAGE: usize = 500;
/// Largest file of records of an export, in bytes, but for a single record that is larger; a further file follows.
pub const EXPORT_FILE_BYTES: u64 = 512 << 20;
/// Most patients that one bulk export names one by one.
pub const BULK_PATIENTS_MAX: usize = 1_000;
/// Bulk exports that are under way at once, and those that one program may have under way or waiting to be fetched.
pub const BULK_RUNNING_MAX: usize = 2;
pub const BULK_KEPT_MAX: usize = 4;
/// How long the files of a finished bulk export are kept, in seconds.
pub const BULK_KEPT_SECONDS: i64 = 24 * 3600;
/// Most directory records (who and where) that the export of one person brings along.
pub const PERSON_DIRECTORY_MAX: usize = 5_000;
/// Bytes of a file of a site's notices or certificates, and how many certificates there are.
pub const RELEASE_TEXT_BYTES_MAX: u64 = 1 << 20;
pub const RELEASE_TEXT_FILES_MAX: usize = 200;
/// Files that the page of completeness lists one by one; beyond that it says how many there are.
pub const RELEASE_FILES_LISTED_MAX: usize = 200;
/// Most records whose names a release looks up because its records refer to them.
pub const RELEASE_NAMES_MAX: usize = 50_000;

/// Most terms and regions of the redactions of one release, and the longest term, in characters.
pub const REDACTION_TERMS_MAX: usize = 2_000;
pub const REDACTION_REGIONS_MAX: usize = 20_000;
pub const REDACTION_TERM_CHARS_MAX: usize = 500;
/// Most leaks that the proof of a redacted file lists.
pub const PROOF_LEAKS_MAX: usize = 1_000;
/// Bytes that decoding one page image may take, beside the image itself.
pub const PICTURE_BYTES_MAX: u64 = 512 << 20;

/// Charts that a person opened last, as his start page lists them, and for how many days back.
pub const RECENT_CHARTS: usize = 6;
pub const RECENT_DAYS: i64 = 30;

/// Records up to which a chart's timeline is made of all of them; encounters that any timeline reads; and records of a kind in a
/// year of a larger chart.
pub const TIMELINE_WHOLE_MAX: u64 = 4_000;
pub const TIMELINE_ENCOUNTERS_MAX: usize = 10_000;
pub const TIMELINE_NEWEST: usize = 2_000;
/// Days before a year of such a chart, and after the last of its encounters ended, in which its timeline looks for records that
/// name one of them.
pub const TIMELINE_BEFORE_DAYS: i64 = 31;
pub const TIMELINE_AFTER_DAYS: i64 = 92;
/// Most corrected records of one chart that are listed by name; all are counted.
pub const CORRECTIONS_LISTED_MAX: usize = 10_000;

/// Pages of a scan or PDF that are set for paper without asking, which are those of one part when it has more; and pages that are
/// set at once when somebody asks for all.
pub const PRINT_PAGES_UNASKED: u32 = 50;
pub const PRINT_PAGES_MAX: u32 = 500;
