//! Two lists that a site keeps: address ranges of its sites, and patients of whom the news speak.
//!
//! ```text
//! range,site                  patient,from,until
//! 10.4.0.0/16,Hill campus     mer.1234,2026-03-01,2026-04-15
//! ```
//!
//! Not for: opening files (`gather`).

use ahash::AHashMap;
use jiff::civil::Date;

use super::facts::Sites;
use super::sheet::{self, RowTrouble, SheetError};
use crate::model::PatientKey;

impl Sites {
    /// Reads a CSV with the columns `range` and `site`.
    pub fn read(bytes: &[u8]) -> Result<(Sites, Vec<RowTrouble>), SheetError> {
        let mut sites = Sites::default();
        let troubles = sheet::read("sites", bytes, &["range", "site"], 2, &mut |row| {
            let site = row.some("site").ok_or("no site")?;
            sites.add(row.get("range"), site).map_err(|_| "no address range; write it as 10.4.0.0/16")
        })?;
        sites.sort();
        Ok((sites, troubles))
    }
}

/// First and last day; an end that is open is `None`.
type Span = (Option<Date>, Option<Date>);

/// Patients in the news, each with the days of it.
#[derive(Clone, Debug, Default)]
pub struct News(AHashMap<PatientKey, Vec<Span>>);

impl News {
    /// Reads a CSV with the column `patient` (the archive's key) and, if there, `from` and `until`, the first and last day.
    pub fn read(bytes: &[u8]) -> Result<(News, Vec<RowTrouble>), SheetError> {
        let mut news = News::default();
        let troubles = sheet::read("news", bytes, &["patient", "from", "until"], 1, &mut |row| {
            let key = PatientKey::parse(row.get("patient")).ok_or("no patient key")?;
            let day = |column: &str| row.some(column).map(str::parse::<Date>).transpose();
            let (from, until) = (day("from"), day("until"));
            let (Ok(from), Ok(until)) = (from, until) else { return Err("no day; write it as 2026-11-30") };
            news.0.entry(key).or_default().push((from, until));
            Ok(())
        })?;
        Ok((news, troubles))
    }

    /// Whether the news speak of this patient on a day.
    pub fn holds(&self, patient: &PatientKey, on: Date) -> bool {
        let spans = self.0.get(patient).into_iter().flatten();
        spans.into_iter().any(|(from, until)| from.is_none_or(|from| from <= on) && until.is_none_or(|until| on <= until))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_patient_is_in_the_news_on_the_days_of_the_list() {
        let csv = "Patient,From,Until\nmer.1,2026-03-01,2026-03-31\nmer.1,2026-06-01,\nmer.2,,\nmer_3,,\nmer.4,soon,\n";
        let (news, troubles) = News::read(csv.as_bytes()).unwrap();
        let rows: Vec<(u64, &str)> = troubles.iter().map(|trouble| (trouble.row, trouble.what)).collect();
        assert_eq!(rows, [(5, "no patient key"), (6, "no day; write it as 2026-11-30")]);
        for (key, on, expected) in [
            ("mer.1", date(2026, 2, 28), false),
            ("mer.1", date(2026, 3, 1), true),
            ("mer.1", date(2026, 3, 31), true),
            ("mer.1", date(2026, 4, 1), false),
            ("mer.1", date(2031, 1, 1), true),
            ("mer.2", date(1999, 1, 1), true),
            ("mer.4", date(2026, 3, 1), false),
        ] {
            assert_eq!(news.holds(&PatientKey::parse(key).unwrap(), on), expected, "{key} on {on}");
        }
        assert!(News::read(b"name\nx\n").unwrap_err().to_string().starts_with("the heading has no column patient"));
    }

    #[test]
    fn sites_are_read_and_a_bad_range_is_told() {
        let (sites, troubles) =
            Sites::read(b"range,site\n10.0.0.0/8,County\n10.4.0.0/16,Hill\nhill,Hill\n10.9.0.0/16,\n").unwrap();
        assert_eq!(troubles.iter().map(|trouble| trouble.row).collect::<Vec<_>>(), [4, 5]);
        assert_eq!((sites.of("10.4.1.1").as_deref(), sites.of("10.5.1.1").as_deref()), (Some("Hill"), Some("County")));
    }
}
