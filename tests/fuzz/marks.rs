//! What each format is written with: the pieces that damage puts in, and what nests. Packed in lines, for they are lists.
//!
//! Not for: how damage is done (`mutate`).

/// The marks of one format.
pub struct Marks {
    /// Pieces that mean something: delimiters, quotes, escapes, headers.
    pub tokens: &'static [&'static str],
    /// What opens and closes a level.
    pub nests: &'static [(&'static str, &'static str)],
}

#[rustfmt::skip]
pub const XML: Marks = Marks {
    tokens: &[
        "<", ">", "/>", "</", "&", "&amp;", "&#0;", "&#x10FFFF;", "&#xD800;", "&a;", "\"", "'", "<!--", "-->", "<![CDATA[",
        "]]>", "<?x ", "?>", "<!DOCTYPE a [<!ENTITY a \"b\">]>", "<!DOCTYPE a [<!ENTITY a \"&a;&a;\">]>", " nullFlavor=\"UNK\"",
        " xsi:type=\"PQ\"", " xmlns=\"urn:hl7-org:v3\"", " xmlns:a=\"b\"", " value=\"\"", " value=\"#a\"", " ID=\"a\"", "\u{feff}",
        "encoding=\"utf-16\"", "encoding=\"shift_jis\"", "</entry>", "</section>", "<section>", "<component><section>", "<br/>",
        "<reference value=\"#a\"/>", " negationInd=\"true\"", "\0", "20200230", "-0000", "1e9",
    ],
    nests: &[
        ("<a>", "</a>"),
        ("<component><section>", "</section></component>"),
        ("<entryRelationship typeCode=\"SUBJ\"><observation>", "</observation></entryRelationship>"),
        ("<table><tr><td>", "</td></tr></table>"),
        ("<list><item>", "</item></list>"),
        ("<!--", "-->"),
        ("<a b=\"c\" ", ">"),
    ],
};
#[rustfmt::skip]
pub const HL7: Marks = Marks {
    tokens: &[
        "|", "^", "~", "\\", "&", "\r", "\n", "\r\n", "\u{b}", "\u{1c}\r", "\"\"", "\\F\\", "\\S\\", "\\R\\", "\\E\\", "\\T\\",
        "\\X0D0A\\", "\\XZZ\\", "\\.br\\", "\\H\\", "\\C2842\\", "\\M244242\\", "\\Zx\\", "MSH|^~\\&|", "MSH|", "\rMSH||||", "FHS|^~\\&|",
        "BHS|^~\\&|", "BTS|1", "FTS|1", "OBX|1|ED|", "OBX|1|NM|", "PID|1||", "MRG|1", "\rADD|", "DSC|1", "UNICODE UTF-8", "8859/1",
        "ISO IR87", "\u{1b}$B", "\u{feff}", "20200230250000+9999", "MSH|^~\\&\\|", "MSHMSHMSH", "\0",
    ],
    nests: &[("\\H\\", "\\N\\"), ("^&", "&^"), ("\u{b}", "\u{1c}\r")],
};
#[rustfmt::skip]
pub const TABLE: Marks = Marks {
    tokens: &[
        ",", ";", "|", "\t", "\"", "\"\"", "\\", "\\\"", "\\n", "\r", "\n", "\r\n", "\u{feff}", "\0", "\u{1a}", "NULL", "-", "\"a\nb\"",
        ",\"", "\",", "'", "2020-02-30", "31.12.9999", "\u{85}", "\u{2028}", "1e400", "#",
    ],
    nests: &[("\"", "\""), (",\"", "\"\n")],
};
#[rustfmt::skip]
pub const JSON: Marks = Marks {
    tokens: &[
        "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u0000", "\\ud800", "\\\"", "null", "true", "1e5", "-", "{}", "[]",
        "\"resourceType\":\"Patient\"", "\"resourceType\"", "\"contained\":[", "\"id\":\"\"", "\"url\":\"#\"", "\"reference\":\"Patient/1\"",
        "\"system\":\"http://loinc.org\"", "\"data\":\"", "\"meta\":{\"security\":[{\"code\":\"R\"}]}", "\n", "\u{1}", "\u{2}", "\u{feff}",
    ],
    nests: &[("{\"a\":", "}"), ("[", "]"), ("{\"contained\":[", "]}"), ("{\"extension\":[{\"url\":\"http://x\",", "}]}")],
};
#[rustfmt::skip]
pub const RTF: Marks = Marks {
    tokens: &[
        "{", "}", "\\", "\\par ", "\\'e9", "\\'zz", "\\u8364?", "\\u-1?", "\\uc99999 ", "\\bin9 ", "\\bin-1 ", "\\bin99999999999 ",
        "\\ansicpg932", "\\fcharset128 ", "\\f0", "{\\*\\", "{\\pict ", "\\cell", "\\row", "\\trowd", "\\rtf1", "\\~", "\\:", "\\upr",
        "{\\fonttbl", "{\\object", "\\loch\\dbch",
    ],
    nests: &[("{", "}"), ("{\\*\\x ", "}"), ("{\\upr{", "}}"), ("{\\trowd ", "\\cell\\row}")],
};
#[rustfmt::skip]
pub const HTML: Marks = Marks {
    tokens: &[
        "<", ">", "</", "/>", "&", "&lt;", "&#", "&#x;", "&#99999999;", "&nbsp", "<script>", "</script>", "<style>", "<!--", "--!>",
        "<![CDATA[", "<table>", "<td>", "<br>", "<p>", "<pre>", "<a href=\"javascript:x\">", "<img src=x onerror=y>", "<svg>",
        " style=\"", "\"", "'", "=", "<meta charset=utf-16>", "\0", "<textarea>", "<title>", "<plaintext>", "<iframe>",
    ],
    nests: &[("<div>", "</div>"), ("<b>", "</b>"), ("<table><tr><td>", "</td></tr></table>"), ("<", ">"), ("<!--", "-->")],
};
#[rustfmt::skip]
pub const PDF: Marks = Marks {
    tokens: &[
        "obj", "endobj", "stream\n", "\nendstream", "xref", "trailer", "startxref", "%%EOF", "<<", ">>", "[", "]", "(", ")", "/Length ",
        "/Filter /FlateDecode", "/Filter [/ASCIIHexDecode /LZWDecode]", "/Kids [2 0 R]", "/Count -1", "/Parent 2 0 R", "/Prev 0",
        "1 0 R", "9999999 0 R", "/Type /Page", "/Font", "BT", "ET", "Tj", "TJ", "Tf", "Do", "q", "Q", "cm", "/DecodeParms <</Predictor 15 /Columns 99999999>>",
        "/ToUnicode", "beginbfrange", "/Encrypt", "/ObjStm",
    ],
    nests: &[("[", "]"), ("<<", ">>"), ("(", ")"), ("q ", " Q"), ("<</A ", ">>")],
};
#[rustfmt::skip]
pub const BINARY: Marks = Marks {
    tokens: &["PK\u{3}\u{4}", "PK\u{1}\u{2}", "PK\u{5}\u{6}", "PK\u{6}\u{6}", "PK\u{6}\u{7}", "../", "/", "\0\0\0\0", "ustar", "x", "L", "word/document.xml", "11 path=a\n"],
    nests: &[("<w:p>", "</w:p>"), ("a/", "")],
};
#[rustfmt::skip]
pub const TOML: Marks = Marks {
    tokens: &[
        "=", "[", "]", "[[table]]", "[[table.emit]]", "{", "}", "\"", "'", "\"\"\"", "\n", "#", ",", ".", "concat(", "if(", "split(A, ' ', 99999999)",
        "substr(A, 0, 99999999999)", "num(A)", " is null", " and ", " or ", "not ", "(", ")", "matches(A, '(a*)*b')", "'%Y-%m-%d'", "\\", "{patient}", "{*}",
        "{date:%Y}", "schema = 1", "resource = \"Patient\"", "\"name[99999999]\"", "\"a[0].b[1].c\"", "tz = \"source\"",
    ],
    nests: &[("(", ")"), ("not (", ")"), ("[", "]"), ("{a = ", "}"), ("concat(A, ", ")"), ("if(A = '', '', ", ")"), ("a.", "b"), ("A = '1' or ", ""), ("A is null and ", "")],
};
