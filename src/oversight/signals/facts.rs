//! What is known of users and patients when their acts are judged, and where it is asked for.
//!
//! Not for: reading a file of the workforce (`workforce`), or what users did before (`history`).

use std::net::IpAddr;
use std::sync::Arc;

use ahash::{AHashMap, AHashSet};
use jiff::civil::Date;

use crate::model::{PatientIdentity, PatientKey};
use crate::names::fold;
use crate::oversight::UserId;

use super::lists::News;
use super::marks::{Mark, Marks};
use super::workforce::Workforce;

/// One user as an employee. Whatever is not known is left out and says nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UserFacts {
    /// What peers have in common: nurse, coder … Without it the role in the archive stands for it.
    pub job: Option<Arc<str>>,
    pub department: Option<Arc<str>>,
    pub facility: Option<Arc<str>>,
    /// The user's own charts.
    pub patients: Vec<PatientKey>,
    pub surnames: Vec<Mark>,
    pub full_name: Option<Mark>,
    pub household: Option<Mark>,
    pub street: Option<Mark>,
    pub phone: Option<Mark>,
    /// Last day of the employment.
    pub until: Option<Date>,
}

/// One visit, by the last day that it touches.
#[derive(Clone, Debug)]
pub struct Encounter {
    /// As [`place_name`] writes it.
    pub department: Arc<str>,
    pub day: Date,
}

impl Encounter {
    /// Whether it was in this department, or in a room of it: `ward 4 east room 2` is in `ward 4 east`.
    pub fn is_in(&self, department: &str) -> bool {
        self.department.strip_prefix(department).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    }
}

/// The name of a department or place, so that two ways of writing it compare equal: letters and digits in lower case, one
/// blank between words.
pub fn place_name(text: &str) -> Arc<str> {
    let folded = fold(text);
    let words: Vec<&str> = folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    Arc::from(words.join(" "))
}

/// One patient. Lists have an entry for every form or time: a former name, an earlier address.
#[derive(Clone, Debug, Default)]
pub struct PatientFacts {
    /// Every key of this person, when there are others.
    pub keys: Vec<PatientKey>,
    /// The record number as a number, for those who walk along it.
    pub number: Option<u64>,
    pub surnames: Vec<Mark>,
    pub full_names: Vec<Mark>,
    pub households: Vec<Mark>,
    pub streets: Vec<Mark>,
    pub phones: Vec<Mark>,
    /// Labelled as a very important person or celebrity.
    pub is_vip: bool,
    /// Works here, by label or by the file of the workforce.
    pub is_workforce: bool,
    pub works_in: Option<Arc<str>>,
    /// On the list of patients whom the news speak of.
    pub in_news: bool,
    pub died: Option<Date>,
    /// `None`: not known, which is not the same as none.
    pub encounters: Option<Vec<Encounter>>,
}

impl PatientFacts {
    /// Name, addresses, phones and death of an archived patient.
    pub fn of(identity: &PatientIdentity, marks: &Marks) -> PatientFacts {
        let surname = identity.family.as_deref().unwrap_or_default();
        let given = identity.given.first().map_or("", String::as_str);
        let address = |of: &dyn Fn(&str, &str) -> Option<Mark>| -> Vec<Mark> {
            identity.addresses.iter().filter_map(|text| of(text, last_zip(text)?)).collect()
        };
        PatientFacts {
            surnames: marks.surname(surname),
            full_names: marks.full_name(given, surname).into_iter().collect(),
            households: address(&|street, zip| marks.household(street, zip)),
            streets: address(&|street, zip| marks.street(street, zip)),
            phones: identity.phones.iter().filter_map(|phone| marks.phone(phone)).collect(),
            died: identity.deceased.as_deref().and_then(|text| text.get(..10)?.parse().ok()),
            ..PatientFacts::default()
        }
    }
}

/// The last group of five digits of an address, which may have a number of four behind it.
fn last_zip(address: &str) -> Option<&str> {
    let words = address.split(|c: char| !c.is_ascii_digit()).filter(|group| !group.is_empty());
    // The number of a house comes first and is no ZIP code, however long it is.
    words.skip(usize::from(address.starts_with(|c: char| c.is_ascii_digit()))).filter(|group| group.len() == 5).last()
}

/// How many patients bear the names and live in the houses of the workforce: a common name says little, and so does a tower
/// block. Holds marks of the workforce alone, however many patients are counted.
#[derive(Clone, Debug, Default)]
pub struct Census {
    patients: u64,
    counts: AHashMap<Mark, u64>,
}

impl Census {
    /// A census that will count what these users could share with a patient.
    pub fn of_interest<'a>(users: impl IntoIterator<Item = &'a UserFacts>) -> Census {
        let mut counts = AHashMap::new();
        for user in users {
            let single = [user.full_name, user.household, user.street, user.phone];
            counts.extend(user.surnames.iter().copied().chain(single.into_iter().flatten()).map(|mark| (mark, 0)));
        }
        Census { patients: 0, counts }
    }

    pub fn add(&mut self, patient: &PatientFacts) {
        self.patients += 1;
        let lists = [&patient.surnames, &patient.full_names, &patient.households, &patient.streets, &patient.phones];
        for mark in lists.into_iter().flatten() {
            if let Some(count) = self.counts.get_mut(mark) {
                *count += 1;
            }
        }
    }

    pub fn patients(&self) -> u64 {
        self.patients
    }

    /// Patients with this mark. One that was never counted counts as one: whoever has it is there.
    pub fn bearers(&self, mark: Mark) -> u64 {
        self.counts.get(&mark).copied().unwrap_or(0).max(1)
    }

    /// Their share of all patients.
    pub fn share(&self, mark: Mark) -> f64 {
        self.bearers(mark) as f64 / self.patients.max(1) as f64
    }
}

/// Whoever can say something of users and patients. Asked once for each user and each chart of a day.
pub trait Facts {
    fn user(&self, user: &UserId) -> Option<UserFacts>;

    fn patient(&self, patient: &PatientKey) -> Option<PatientFacts>;

    fn census(&self) -> &Census;

    /// Whether an imported care relation joins the two on that day; `None` when relations are not imported for this user.
    fn relation(&self, user: &UserId, patient: &PatientKey, day: Date) -> Option<bool>;

    /// The site that an address belongs to.
    fn site(&self, ip: &str) -> Option<Arc<str>>;
}

/// Address ranges and the sites that they stand for.
#[derive(Clone, Debug, Default)]
pub struct Sites(Vec<(IpAddr, u32, Arc<str>)>);

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0:?} is no address range; write it as 10.4.0.0/16")]
pub struct SitesError(String);

impl Sites {
    /// From pairs of range (`10.4.0.0/16`, `2001:db8::/32`) and name of the site.
    pub fn parse<'a>(ranges: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Sites, SitesError> {
        let mut sites = Sites::default();
        ranges.into_iter().try_for_each(|(range, name)| sites.add(range, name))?;
        sites.sort();
        Ok(sites)
    }

    pub(super) fn add(&mut self, range: &str, name: &str) -> Result<(), SitesError> {
        let parse = |range: &str| -> Option<(IpAddr, u32)> {
            let (address, length) = range.trim().split_once('/')?;
            let (address, length): (IpAddr, u32) = (address.parse().ok()?, length.parse().ok()?);
            (length <= if address.is_ipv4() { 32 } else { 128 }).then_some((address, length))
        };
        let (address, length) = parse(range).ok_or_else(|| SitesError(range.to_string()))?;
        self.0.push((address, length, Arc::from(name)));
        Ok(())
    }

    /// The narrowest range wins.
    pub(super) fn sort(&mut self) {
        self.0.sort_by_key(|(_, length, _)| std::cmp::Reverse(*length));
    }

    pub fn of(&self, ip: &str) -> Option<Arc<str>> {
        let ip: IpAddr = ip.parse().ok()?;
        self.0.iter().find(|(range, length, _)| contains(*range, *length, ip)).map(|(_, _, name)| name.clone())
    }
}

fn contains(range: IpAddr, length: u32, ip: IpAddr) -> bool {
    match (range, ip) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
            (u32::from(a) ^ u32::from(b)) & mask == 0
        }
        (IpAddr::V6(a), IpAddr::V6(b)) => {
            let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
            (u128::from(a) ^ u128::from(b)) & mask == 0
        }
        _ => false,
    }
}

/// Facts put together from what an installation has: the file of its workforce, the facts of the patients of the day as the
/// archive gave them, imported care relations, the list of patients in the news.
#[derive(Debug)]
pub struct Archived {
    pub workforce: Workforce,
    pub patients: AHashMap<PatientKey, PatientFacts>,
    pub census: Census,
    /// Of the users and the day that is judged. `None`: no care relations are imported.
    pub relations: Option<AHashMap<UserId, AHashSet<PatientKey>>>,
    pub news: News,
    pub sites: Sites,
    /// The day that is judged.
    pub date: Date,
}

impl Facts for Archived {
    fn user(&self, user: &UserId) -> Option<UserFacts> {
        self.workforce.user(&user.subject).cloned()
    }

    fn patient(&self, patient: &PatientKey) -> Option<PatientFacts> {
        let mut facts = self.patients.get(patient)?.clone();
        let keys = || std::iter::once(patient).chain(&facts.keys);
        let employee = keys().find_map(|key| self.workforce.employee(key));
        let in_news = keys().any(|key| self.news.holds(key, self.date));
        facts.is_workforce |= employee.is_some();
        facts.works_in = employee.and_then(|user| user.department.clone());
        facts.in_news |= in_news;
        Some(facts)
    }

    fn census(&self) -> &Census {
        &self.census
    }

    fn relation(&self, user: &UserId, patient: &PatientKey, _day: Date) -> Option<bool> {
        let of_user = self.relations.as_ref()?.get(user);
        let others = self.patients.get(patient).map(|facts| facts.keys.as_slice()).unwrap_or_default();
        Some(of_user.is_some_and(|own| std::iter::once(patient).chain(others).any(|key| own.contains(key))))
    }

    fn site(&self, ip: &str) -> Option<Arc<str>> {
        self.sites.of(ip)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_narrowest_range_names_the_site() {
        let sites = Sites::parse([("10.0.0.0/8", "county"), ("10.4.0.0/16", "hill"), ("2001:db8::/32", "clinic")]).unwrap();
        for (ip, site) in [
            ("10.4.9.1", Some("hill")),
            ("10.5.0.1", Some("county")),
            ("192.0.2.1", None),
            ("2001:db8::7", Some("clinic")),
            ("?", None),
        ] {
            assert_eq!(sites.of(ip).as_deref(), site, "{ip}");
        }
        assert_eq!(Sites::parse([("0.0.0.0/0", "all")]).unwrap().of("198.51.100.7").as_deref(), Some("all"));
        for bad in ["10.0.0.0", "10.0.0.0/33", "hill/8"] {
            assert!(Sites::parse([(bad, "x")]).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_department_is_known_by_any_way_of_writing_it_and_by_its_rooms() {
        let visit = |place: &str| Encounter { department: place_name(place), day: Date::MIN };
        for (place, department, expected) in [
            ("Ward 4 East", "ward 4-east", true),
            ("Ward 4 East, Room 2", "Ward 4 East", true),
            ("Ward 4 Eastern", "Ward 4 East", false),
            ("Ward 41", "Ward 4", false),
            ("Ward 4", "Ward 4 East", false),
            ("Clinique générale", "Clinique Generale", true),
        ] {
            assert_eq!(visit(place).is_in(&place_name(department)), expected, "{place} in {department}");
        }
    }

    #[test]
    fn a_relation_to_any_key_of_the_person_counts_and_without_any_import_nothing_is_known() {
        let key = |text: &str| PatientKey::parse(text).unwrap();
        let user = |name: &str| UserId { issuer: "local".into(), subject: name.into() };
        let linked = PatientFacts { keys: vec![key("pvs.7")], ..PatientFacts::default() };
        let mut facts = Archived {
            workforce: Workforce::default(),
            patients: [(key("mer.1"), linked), (key("mer.2"), PatientFacts::default())].into_iter().collect(),
            census: Census::default(),
            relations: None,
            news: News::default(),
            sites: Sites::default(),
            date: Date::MIN,
        };
        assert_eq!(facts.relation(&user("ann"), &key("mer.1"), Date::MIN), None);
        facts.relations = Some([(user("ann"), [key("pvs.7")].into_iter().collect())].into_iter().collect());
        for (name, patient, expected) in
            [("ann", "mer.1", true), ("ann", "pvs.7", true), ("ann", "mer.2", false), ("bob", "mer.1", false)]
        {
            assert_eq!(facts.relation(&user(name), &key(patient), Date::MIN), Some(expected), "{name} {patient}");
        }
    }

    #[test]
    fn a_zip_code_is_told_from_the_number_of_a_house() {
        for (text, zip) in [
            ("12 Elm Ave, East Harrow, VT 05902", Some("05902")),
            ("12345 Elm Ave, East Harrow", None),
            ("12345 Elm Ave, East Harrow 05902-1234", Some("05902")),
            ("", None),
        ] {
            assert_eq!(last_zip(text), zip, "{text}");
        }
    }

    #[test]
    fn the_census_counts_what_the_workforce_could_share() {
        let marks = Marks::new([1; 32]);
        let user = UserFacts { surnames: marks.surname("Quill"), ..UserFacts::default() };
        let mut census = Census::of_interest([&user]);
        for name in ["Quill", "QUILL", "Marsh", "Marsh"] {
            census.add(&PatientFacts { surnames: marks.surname(name), ..PatientFacts::default() });
        }
        let of = |name: &str| census.bearers(marks.surname(name)[0]);
        assert_eq!((census.patients(), of("quill"), of("Marsh")), (4, 2, 1));
        assert!((census.share(marks.surname("Quill")[0]) - 0.5).abs() < 1e-9);
    }
}
