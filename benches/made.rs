//! What the mapping benchmarks read: made-up messages, documents and rows, the same for the same number.
//!
//! Not for: tests. It is meant to weigh what real files weigh, not to be true to any patient.

use std::fmt::Write;

/// A generator of numbers, the same for the same seed (splitmix64).
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }

    fn one<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len() as u64) as usize]
    }

    /// A day between 2005 and 2014, `20090317`.
    fn day(&mut self) -> String {
        format!("{}{:02}{:02}", 2005 + self.below(10), 1 + self.below(12), 1 + self.below(28))
    }

    fn minute(&mut self) -> String {
        format!("{}{:02}{:02}", self.day(), self.below(24), self.below(60))
    }
}

const FAMILIES: [&str; 8] = ["Alder", "Birchwood", "Cedarholm", "Dogwood", "Elmhurst", "Firth", "Gumtree", "Hollyoak"];
const GIVEN: [&str; 8] = ["Ada", "Bruno", "Clara", "Dimitri", "Edith", "Farid", "Greta", "Hugo"];
const WORDS: [&str; 16] = [
    "patient",
    "reports",
    "no",
    "chest",
    "pain",
    "and",
    "denies",
    "fever",
    "since",
    "last",
    "visit",
    "exam",
    "unremarkable",
    "continue",
    "current",
    "treatment",
];
/// LOINC code, name, unit.
const LABS: [(&str, &str, &str); 10] = [
    ("2345-7", "Glucose", "mg/dL"),
    ("2160-0", "Creatinine", "mg/dL"),
    ("2951-2", "Sodium", "mmol/L"),
    ("2823-3", "Potassium", "mmol/L"),
    ("718-7", "Hemoglobin", "g/dL"),
    ("6690-2", "Leukocytes", "10*3/uL"),
    ("777-3", "Platelets", "10*3/uL"),
    ("17861-6", "Calcium", "mg/dL"),
    ("1975-2", "Bilirubin", "mg/dL"),
    ("1742-6", "Alanine aminotransferase", "U/L"),
];
/// SNOMED CT and ICD-10-CM.
const PROBLEMS: [(&str, &str, &str); 5] = [
    ("195967001", "Asthma", "J45.909"),
    ("38341003", "Hypertensive disorder", "I10"),
    ("44054006", "Diabetes mellitus type 2", "E11.9"),
    ("13644009", "Hypercholesterolemia", "E78.00"),
    ("396275006", "Osteoarthritis", "M19.90"),
];

fn sentence(dice: &mut Dice, words: u64) -> String {
    let words: Vec<&str> = (0..words).map(|_| dice.one(&WORDS)).collect();
    words.join(" ")
}

/// The message of that number, with CR as its line ends: four in ten ADT^A08, three ORU^R01, two MDM^T02, one VXU^V04. One
/// patient has about 25 messages, or all of them.
pub fn message(out: &mut String, number: u64, is_one_patient: bool) {
    let dice = &mut Dice::new(number);
    let patient = if is_one_patient { 7 } else { number / 25 };
    let kind = if is_one_patient { "ORU^R01" } else { dice.one(&KINDS) };
    let at = dice.minute();
    _ = write!(out, "MSH|^~\\&|LAB|HARTWELL|ARCHIVE|HARTWELL|{at}07-0500||{kind}|M{number}|P|2.5.1|||AL|NE\r");
    if kind != "ORU^R01" {
        _ = write!(out, "EVN||{at}||||{at}\r");
    }
    person(out, patient);
    visit(out, dice, number, &at);
    match kind {
        "ORU^R01" => results(out, dice, number, &at),
        "MDM^T02" => note(out, dice, number, &at),
        "VXU^V04" => vaccine(out, dice, number, &at),
        _ => registration(out, dice, patient),
    }
}

const KINDS: [&str; 10] = [
    "ADT^A08^ADT_A01",
    "ADT^A08^ADT_A01",
    "ADT^A08^ADT_A01",
    "ADT^A08^ADT_A01",
    "ORU^R01",
    "ORU^R01",
    "ORU^R01",
    "MDM^T02",
    "MDM^T02",
    "VXU^V04",
];

fn person(out: &mut String, patient: u64) {
    let dice = &mut Dice::new(patient ^ 0x5000_0000_0000);
    let (family, given, born) = (dice.one(&FAMILIES), dice.one(&GIVEN), dice.day());
    _ = write!(
        out,
        "PID|1||{patient}^^^HARTWELL^MR~{:09}^^^SSA^SS||{family}^{given}^{}^^^^L||19{:02}{}|{}||2106-3^White^CDCREC|{} Orchard \
         Street^Apt {}^Springfield^IL^62701^USA^H||^PRN^PH^^1^217^555{:04}|^WPN^PH^^1^217^5550100|eng^English^ISO639|M^Married\
         ^HL70002|CHR|A{patient}^^^HARTWELL^AN||||2186-5^Not Hispanic or Latino^CDCREC\r",
        900_000_000 + patient % 99_999_999,
        dice.one(&["A", "B", "C", "D"]),
        20 + dice.below(79),
        &born[4..],
        dice.one(&["F", "M"]),
        1 + dice.below(999),
        1 + dice.below(99),
        dice.below(10_000),
    );
}

fn visit(out: &mut String, dice: &mut Dice, number: u64, at: &str) {
    _ = write!(
        out,
        "PV1|1|{}|MED^0{}^A^HARTWELL||||1234567890^Maker^Max^^^Dr^^^NPI|||MED||||1|||1234567890^Maker^Max^^^Dr^^^NPI|OUT|V{}^^^\
         HARTWELL^VN|||||||||||||||||||||||||{at}\r",
        dice.one(&["I", "O", "E"]),
        1 + dice.below(9),
        number / 3,
    );
}

fn registration(out: &mut String, dice: &mut Dice, patient: u64) {
    let (family, day) = (dice.one(&FAMILIES), dice.day());
    _ = write!(
        out,
        "NK1|1|{family}^{}^^^^^L|SPO^Spouse^HL70063|12 Orchard Street^^Springfield^IL^62701|^PRN^PH^^1^217^5550101\r",
        dice.one(&GIVEN)
    );
    _ = write!(out, "AL1|1|DA^Drug allergy^HL70127|70618^Penicillin^RXNORM|MO^Moderate^HL70128|Hives|{day}\r");
    for n in 1..=2 {
        let (_, name, icd) = dice.one(&PROBLEMS);
        _ = write!(out, "DG1|{n}||{icd}^{name}^I10C|{name}|{day}1000|F|||||||||{n}|1234567890^Maker^Max^^^Dr^^^NPI\r");
    }
    _ = write!(
        out,
        "IN1|1|PPO^Preferred^L|SUN01|Sunflower Mutual|PO Box 1^^Springfield^IL^62705||^^PH^^1^800^5550199|G{:05}||||{day}|||PPO|\
         {family}^Ada|SEL^Self^HL70063|||||||||||||||||||W{patient:08}\r",
        dice.below(99_999),
    );
}

fn results(out: &mut String, dice: &mut Dice, number: u64, at: &str) {
    _ = write!(out, "ORC|RE|P{number}^CPOE|F{number}^LAB||CM||||{at}|||1234567890^Maker^Max^^^Dr^^^NPI\r");
    _ = write!(
        out,
        "OBR|1|P{number}^CPOE|F{number}^LAB|24323-8^Comprehensive metabolic panel^LN^CMP^Metabolic panel^L|||{at}|||||||{at}|\
         SER^Serum|1234567890^Maker^Max^^^Dr^^^NPI||||||{at}||LAB|F\r"
    );
    for n in 1..=10 + dice.below(11) {
        let (code, name, unit) = dice.one(&LABS);
        let flag = dice.one(&["N", "N", "N", "H", "L"]);
        _ = write!(
            out,
            "OBX|{n}|NM|{code}^{name}^LN^L{code}^{name}^L||{}.{}|{unit}^{unit}^UCUM|10.0-200.0|{flag}|||F|||{at}||TECH7^Lab^Tess\r",
            1 + dice.below(250),
            dice.below(10),
        );
    }
    _ = write!(out, "NTE|1|L|Specimen slightly haemolysed \\T\\ repeated; see {}\r", sentence(dice, 6));
}

fn note(out: &mut String, dice: &mut Dice, number: u64, at: &str) {
    _ = write!(
        out,
        "TXA|1|CN^Consultation note^L|TX|{at}|1234567890^Maker^Max^^^Dr^^^NPI||{at}|||||D{number}^HARTWELL||||note{number}.txt|AU|U|AV\r"
    );
    for n in 1..=12 {
        let words = 6 + dice.below(10);
        _ = write!(out, "OBX|{n}|TX|11488-4^Consult note^LN|1|{}.||||||F\r", sentence(dice, words));
    }
}

fn vaccine(out: &mut String, dice: &mut Dice, number: u64, at: &str) {
    for n in 1..=2 {
        let (cvx, name) =
            dice.one(&[("141", "Influenza, seasonal, injectable"), ("20", "DTaP"), ("03", "MMR"), ("21", "Varicella")]);
        _ = write!(out, "ORC|RE||I{number}-{n}^HARTWELL|||||||||1234567890^Maker^Max^^^Dr^^^NPI\r");
        _ = write!(
            out,
            "RXA|0|1|{at}|{at}|{cvx}^{name}^CVX|0.5|mL^Milliliter^UCUM||00^New immunization record^NIP001|7^Nurse^Nora|^^^HARTWELL||||\
             L{:05}|{}|PMC^Sanofi Pasteur^MVX|||CP|A\r",
            dice.below(99_999),
            dice.day(),
        );
        out.push_str("RXR|IM^Intramuscular^HL70162|LA^Left arm^HL70163\r");
        out.push_str("OBX|1|CE|64994-7^Vaccine funding program eligibility category^LN|1|V01^Not VFC eligible^HL70064||||||F\r");
    }
}

pub const TABLE: &str = "observations.csv";

/// The header of a table as Synthea's `observations.csv`, with three columns of the site's own.
pub const COLUMNS: &str = "DATE,PATIENT,ENCOUNTER,CATEGORY,CODE,DESCRIPTION,VALUE,UNITS,TYPE,LAB,SPECIMEN,ENTERED_BY\n";

/// Rows of a patient; `PATIENTS` names them all.
const ROWS_A_PATIENT: u64 = 50;

/// The row of that number.
pub fn row(out: &mut String, number: u64) {
    let dice = &mut Dice::new(number);
    let (code, name, unit) = dice.one(&LABS);
    let day = dice.day();
    let kind = if dice.below(20) == 0 { "text" } else { "numeric" };
    let quoted = if dice.below(10) == 0 { format!("\"{name}, repeated\"") } else { name.to_string() };
    _ = writeln!(
        out,
        "{}-{}-{}T{:02}:{:02}:17Z,{},{},laboratory,{code},{quoted},{}.{},{unit},{kind},L{},serum,tech{}",
        &day[..4],
        &day[4..6],
        &day[6..],
        dice.below(24),
        dice.below(60),
        patient_id(number / ROWS_A_PATIENT),
        uuid(number / 8, 0xe),
        1 + dice.below(250),
        dice.below(10),
        dice.below(5),
        dice.below(40),
    );
}

pub fn patient_id(patient: u64) -> String {
    uuid(patient, 0xb)
}

fn uuid(number: u64, kind: u64) -> String {
    format!("{:08x}-{kind:04x}-4000-8000-{number:012x}", Dice::new(number ^ (kind << 48)).below(1 << 32))
}

/// The `patients.csv` for so many rows.
pub fn patients(rows: u64) -> String {
    let mut out = String::from(
        "Id,BIRTHDATE,DEATHDATE,SSN,DRIVERS,PASSPORT,PREFIX,FIRST,MIDDLE,LAST,SUFFIX,MAIDEN,MARITAL,RACE,ETHNICITY,GENDER,BIRTHPLACE,\
         ADDRESS,CITY,STATE,COUNTY,FIPS,ZIP,LAT,LON,HEALTHCARE_EXPENSES,HEALTHCARE_COVERAGE,INCOME\n",
    );
    for patient in 0..rows.div_ceil(ROWS_A_PATIENT) {
        let dice = &mut Dice::new(patient);
        _ = writeln!(
            out,
            "{},19{:02}-03-1{},,999-{:02}-{:04},,,,{},,{},,,M,white,nonhispanic,F,Springfield,{} Orchard Street,Springfield,Illinois,\
             Sangamon County,,62701,39.8,-89.6,100.0,50.0,40000",
            patient_id(patient),
            20 + dice.below(79),
            dice.below(9),
            10 + dice.below(89),
            dice.below(10_000),
            dice.one(&GIVEN),
            dice.one(&FAMILIES),
            1 + dice.below(999),
        );
    }
    out
}

const LOINC: &str = "codeSystem=\"2.16.840.1.113883.6.1\" codeSystemName=\"LOINC\"";
const SNOMED: &str = "codeSystem=\"2.16.840.1.113883.6.96\" codeSystemName=\"SNOMED CT\"";
const TEMPLATES: &str = "2.16.840.1.113883.10.20.22.4";

/// A continuity of care document of about 100 KB.
pub fn document(number: u64) -> String {
    let dice = &mut Dice::new(number);
    let at = dice.minute();
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ClinicalDocument xmlns=\"urn:hl7-org:v3\" xmlns:sdtc=\"urn:hl7-org:sdtc\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\n  <realmCode code=\"US\"/>\n  <templateId \
         root=\"2.16.840.1.113883.10.20.22.1.2\" extension=\"2015-08-01\"/>\n  <id root=\"1.2.3.4\" extension=\"D{number}\"/>\n  \
         <code code=\"34133-9\" {LOINC} displayName=\"Summary of episode note\"/>\n  <title>Summary of care</title>\n  \
         <effectiveTime value=\"{at}00-0500\"/>\n  <confidentialityCode code=\"N\" codeSystem=\"2.16.840.1.113883.5.25\"/>\n  \
         <languageCode code=\"en-US\"/>\n  <recordTarget>\n    <patientRole>\n      <id root=\"1.2.3.9\" extension=\"{}\"/>\n      \
         <addr use=\"HP\"><streetAddressLine>1 Orchard Street</streetAddressLine><city>Springfield</city><state>IL</state>\
         <postalCode>62701</postalCode></addr>\n      <telecom use=\"HP\" value=\"tel:+1(217)555-0100\"/>\n      <patient>\n        \
         <name use=\"L\"><given>{}</given><family>{}</family></name>\n        <administrativeGenderCode code=\"F\" \
         codeSystem=\"2.16.840.1.113883.5.1\"/>\n        <birthTime value=\"19500102\"/>\n      </patient>\n    </patientRole>\n  \
         </recordTarget>\n  <author>\n    <time value=\"{at}\"/>\n    <assignedAuthor><id root=\"2.16.840.1.113883.4.6\" \
         extension=\"1234567890\"/><assignedPerson><name><given>Max</given><family>Maker</family></name></assignedPerson>\
         </assignedAuthor>\n  </author>\n  <custodian><assignedCustodian><representedCustodianOrganization><id root=\"1.2.8\"/>\
         <name>Hartwell Clinic</name></representedCustodianOrganization></assignedCustodian></custodian>\n  <component>\n    \
         <structuredBody>\n",
        number / 4,
        dice.one(&GIVEN),
        dice.one(&FAMILIES),
    );
    section(&mut out, dice, "11450-4", "Problems", 20, problem);
    section(&mut out, dice, "10160-0", "Medications", 16, medication);
    section(&mut out, dice, "30954-2", "Results", 9, panel);
    section(&mut out, dice, "8716-3", "Vital signs", 6, panel);
    section(&mut out, dice, "11369-6", "Immunizations", 10, immunization);
    out.push_str("    </structuredBody>\n  </component>\n</ClinicalDocument>\n");
    out
}

/// A section: a narrative table with a row for each entry, to which the entry refers.
fn section(out: &mut String, dice: &mut Dice, code: &str, title: &str, entries: u64, entry: fn(&mut String, &mut Dice, &str)) {
    _ = write!(
        out,
        "      <component>\n        <section>\n          <code code=\"{code}\" {LOINC}/>\n          <title>{title}</title>\n          \
         <text>\n            <table><thead><tr><th>What</th><th>When</th><th>Words</th></tr></thead><tbody>\n"
    );
    for n in 0..entries {
        let day = dice.day();
        let words = sentence(dice, 8);
        _ = writeln!(
            out,
            "              <tr><td ID=\"{code}-{n}\">{title} {n}</td><td>{day}</td><td><content>{words}</content></td></tr>"
        );
    }
    out.push_str("            </tbody></table>\n          </text>\n");
    for n in 0..entries {
        out.push_str("          <entry typeCode=\"DRIV\">\n");
        entry(out, dice, &format!("#{code}-{n}"));
        out.push_str("          </entry>\n");
    }
    out.push_str("        </section>\n      </component>\n");
}

fn id(dice: &mut Dice) -> String {
    format!("<id root=\"1.2.3.7\" extension=\"{:012x}\"/>", dice.below(1 << 48))
}

fn problem(out: &mut String, dice: &mut Dice, words: &str) {
    let ((snomed, name, icd), day) = (dice.one(&PROBLEMS), dice.day());
    _ = write!(
        out,
        "            <act classCode=\"ACT\" moodCode=\"EVN\">\n              <templateId root=\"{TEMPLATES}.3\" extension=\"2015-08-01\"/>\n              \
         {}\n              <code code=\"CONC\" codeSystem=\"2.16.840.1.113883.5.6\"/>\n              <statusCode code=\"active\"/>\n              \
         <effectiveTime><low value=\"{day}\"/></effectiveTime>\n              <entryRelationship typeCode=\"SUBJ\">\n                \
         <observation classCode=\"OBS\" moodCode=\"EVN\">\n                  <templateId root=\"{TEMPLATES}.4\" extension=\"2015-08-01\"/>\n                  \
         {}\n                  <code code=\"55607006\" {SNOMED} displayName=\"Problem\"/>\n                  \
         <text><reference value=\"{words}\"/></text>\n                  <statusCode code=\"completed\"/>\n                  \
         <effectiveTime><low value=\"{day}\"/></effectiveTime>\n                  <value xsi:type=\"CD\" code=\"{snomed}\" {SNOMED} \
         displayName=\"{name}\"><originalText><reference value=\"{words}\"/></originalText><translation code=\"{icd}\" \
         codeSystem=\"2.16.840.1.113883.6.90\" codeSystemName=\"ICD-10-CM\" displayName=\"{name}\"/></value>\n                \
         </observation>\n              </entryRelationship>\n            </act>\n",
        id(dice),
        id(dice),
    );
}

fn medication(out: &mut String, dice: &mut Dice, words: &str) {
    let day = dice.day();
    let (rxnorm, name) = dice.one(&[
        ("197361", "amlodipine 5 MG Oral Tablet"),
        ("860975", "metformin 500 MG Oral Tablet"),
        ("314076", "lisinopril 10 MG"),
    ]);
    _ = write!(
        out,
        "            <substanceAdministration classCode=\"SBADM\" moodCode=\"EVN\">\n              <templateId root=\"{TEMPLATES}.16\" \
         extension=\"2014-06-09\"/>\n              {}\n              <text><reference value=\"{words}\"/></text>\n              \
         <statusCode code=\"active\"/>\n              <effectiveTime xsi:type=\"IVL_TS\"><low value=\"{day}\"/></effectiveTime>\n              \
         <effectiveTime xsi:type=\"PIVL_TS\" operator=\"A\"><period value=\"12\" unit=\"h\"/></effectiveTime>\n              \
         <routeCode code=\"C38288\" codeSystem=\"2.16.840.1.113883.3.26.1.1\" displayName=\"ORAL\"/>\n              \
         <doseQuantity value=\"1\"/>\n              <consumable>\n                <manufacturedProduct classCode=\"MANU\">\n                  \
         <templateId root=\"{TEMPLATES}.23\" extension=\"2014-06-09\"/>\n                  <manufacturedMaterial><code code=\"{rxnorm}\" \
         codeSystem=\"2.16.840.1.113883.6.88\" codeSystemName=\"RxNorm\" displayName=\"{name}\"/></manufacturedMaterial>\n                \
         </manufacturedProduct>\n              </consumable>\n              <author><time value=\"{day}\"/><assignedAuthor><id \
         root=\"2.16.840.1.113883.4.6\" extension=\"1234567890\"/></assignedAuthor></author>\n            </substanceAdministration>\n",
        id(dice),
    );
}

fn panel(out: &mut String, dice: &mut Dice, words: &str) {
    let at = dice.minute();
    _ = write!(
        out,
        "            <organizer classCode=\"BATTERY\" moodCode=\"EVN\">\n              <templateId root=\"{TEMPLATES}.1\" \
         extension=\"2015-08-01\"/>\n              {}\n              <code code=\"24323-8\" {LOINC} displayName=\"Comprehensive panel\"/>\n              \
         <statusCode code=\"completed\"/>\n              <effectiveTime><low value=\"{at}\"/><high value=\"{at}\"/></effectiveTime>\n",
        id(dice),
    );
    for _ in 0..4 {
        let (code, name, unit) = dice.one(&LABS);
        _ = write!(
            out,
            "              <component>\n                <observation classCode=\"OBS\" moodCode=\"EVN\">\n                  <templateId \
             root=\"{TEMPLATES}.2\" extension=\"2015-08-01\"/>\n                  {}\n                  <code code=\"{code}\" {LOINC} \
             displayName=\"{name}\"/>\n                  <text><reference value=\"{words}\"/></text>\n                  <statusCode \
             code=\"completed\"/>\n                  <effectiveTime value=\"{at}\"/>\n                  <value xsi:type=\"PQ\" value=\"{}.{}\" \
             unit=\"{unit}\"/>\n                  <interpretationCode code=\"N\" codeSystem=\"2.16.840.1.113883.5.83\"/>\n                  \
             <referenceRange><observationRange><value xsi:type=\"IVL_PQ\"><low value=\"10\" unit=\"{unit}\"/><high value=\"200\" \
             unit=\"{unit}\"/></value></observationRange></referenceRange>\n                </observation>\n              </component>\n",
            id(dice),
            1 + dice.below(250),
            dice.below(10),
        );
    }
    out.push_str("            </organizer>\n");
}

fn immunization(out: &mut String, dice: &mut Dice, words: &str) {
    let day = dice.day();
    let (cvx, name) = dice.one(&[("141", "Influenza, seasonal"), ("20", "DTaP"), ("03", "MMR"), ("21", "Varicella")]);
    _ = write!(
        out,
        "            <substanceAdministration classCode=\"SBADM\" moodCode=\"EVN\" negationInd=\"false\">\n              <templateId \
         root=\"{TEMPLATES}.52\" extension=\"2015-08-01\"/>\n              {}\n              <text><reference value=\"{words}\"/></text>\n              \
         <statusCode code=\"completed\"/>\n              <effectiveTime value=\"{day}\"/>\n              <consumable>\n                \
         <manufacturedProduct classCode=\"MANU\">\n                  <templateId root=\"{TEMPLATES}.54\" extension=\"2014-06-09\"/>\n                  \
         <manufacturedMaterial><code code=\"{cvx}\" codeSystem=\"2.16.840.1.113883.12.292\" codeSystemName=\"CVX\" \
         displayName=\"{name}\"/><lotNumberText>L{}</lotNumberText></manufacturedMaterial>\n                </manufacturedProduct>\n              \
         </consumable>\n            </substanceAdministration>\n",
        id(dice),
        dice.below(100_000),
    );
}
