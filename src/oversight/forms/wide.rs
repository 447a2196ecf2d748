//! One row with everything that an entry says, for whoever has to prove it: the columns of the export as CSV and of the
//! reports for litigation.
//!
//! Not for: lay readers (`reports`).

use crate::model::hex;
use crate::oversight::line::{Line, Text};
use crate::oversight::projection::Original;
use crate::oversight::reports::{Cell, Column};

/// The columns, in an order that does not change; new ones come at the end.
pub const COLUMNS: [Column; 41] = [
    Column::new("time_utc", "Time (UTC)"),
    Column::new("stream", "Stream"),
    Column::new("entry", "Entry"),
    Column::new("entry_id", "Entry id"),
    Column::new("patient", "Patient"),
    Column::new("event", "Event"),
    Column::new("action", "Action"),
    Column::new("outcome", "Outcome"),
    Column::new("outcome_text", "Outcome in words"),
    Column::new("issuer", "Issuer of the identity"),
    Column::new("subject", "Subject"),
    Column::new("name", "Name"),
    Column::new("roles", "Roles"),
    Column::new("client", "Client"),
    Column::new("scopes", "Scopes"),
    Column::new("session", "Session (digest)"),
    Column::new("token", "Token id"),
    Column::new("address", "Address"),
    Column::new("user_agent", "User agent"),
    Column::new("purpose", "Purpose of use"),
    Column::new("records", "Records shown"),
    Column::new("places", "Where they lie"),
    Column::new("domains", "Kinds of data"),
    Column::new("labels", "Sensitivity"),
    Column::new("method", "Method"),
    Column::new("request", "Request as received"),
    Column::new("understood", "Request as understood"),
    Column::new("hits", "Hits"),
    Column::new("request_id", "Request id"),
    Column::new("policy", "Policy (SHA-256)"),
    Column::new("break_glass", "Break-glass id"),
    Column::new("break_glass_reason", "Break-glass reason"),
    Column::new("break_glass_text", "Break-glass reason in words"),
    Column::new("break_glass_until", "Break-glass until"),
    Column::new("recipient", "Recipient"),
    Column::new("recipient_address", "Address of the recipient"),
    Column::new("legal_basis", "Legal basis"),
    Column::new("facts", "Facts of the event"),
    Column::new("software", "Software version"),
    Column::new("chain_before", "Chain value before"),
    Column::new("leaf_sha256", "Digest in the tree (SHA-256)"),
];

/// The row of one entry and one of its patients.
pub fn row(original: &Original, line: &Line, patient: Option<&str>) -> Vec<Cell> {
    let text = |text: &Text| Cell::some(text.some());
    let plain = |text: &str| Cell::some((!text.is_empty()).then(|| text.to_string()));
    let places: Vec<String> =
        line.shown.iter().map(|it| format!("{}/{:04} {}", it.accession, it.generation, it.ordinals)).collect();
    let facts: Vec<String> = line.detail.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let roles: Vec<String> = line.user.roles.iter().map(Text::to_string).collect();
    let names = [&line.recipient.name, &line.recipient.org].map(|name| name.some());
    vec![
        plain(&line.ts),
        plain(&original.stream),
        Cell::Count(original.seq),
        plain(&line.id),
        plain(patient.unwrap_or_default()),
        plain(&line.event),
        plain(&line.action),
        plain(&line.outcome),
        text(&line.outcome_desc),
        text(&line.user.iss),
        text(&line.user.sub),
        text(&line.user.name),
        plain(&roles.join(" ")),
        text(&line.client.client_id),
        text(&line.client.scope),
        text(&line.client.session),
        text(&line.client.token_jti),
        text(&line.net.ip),
        text(&line.net.ua),
        plain(line.purpose()),
        Cell::Count(line.records()),
        plain(&places.join("; ")),
        plain(&line.domains.join(" ")),
        plain(&line.labels.join(" ")),
        text(&line.query.method),
        text(&line.query.path),
        text(&line.query.clean),
        line.query.hits.map_or(Cell::Missing, Cell::Count),
        text(&line.req_id),
        text(&line.policy),
        text(&line.btg.id),
        text(&line.btg.reason_code),
        text(&line.btg.reason_text),
        text(&line.btg.expires),
        plain(&names.into_iter().flatten().collect::<Vec<_>>().join(", ")),
        text(&line.recipient.address),
        text(&line.recipient.authority),
        plain(&facts.join("; ")),
        plain(&line.build),
        plain(&line.prev),
        Cell::Text(hex(&original.leaf)),
    ]
}

/// The row of an entry whose bytes have expired: what the projection still knows.
pub fn expired(stream: &str, seq: u64, patient: Option<&str>, event: &str) -> Vec<Cell> {
    let mut row = vec![Cell::Missing; COLUMNS.len()];
    let known = [
        ("stream", Cell::Text(stream.to_string())),
        ("entry", Cell::Count(seq)),
        ("patient", Cell::some(patient.map(str::to_string))),
        ("event", Cell::Text(event.to_string())),
        ("facts", Cell::Text("the entry has expired".into())),
    ];
    for (key, value) in known {
        if let Some(at) = COLUMNS.iter().position(|column| column.key == key)
            && let Some(cell) = row.get_mut(at)
        {
            *cell = value;
        }
    }
    row
}
