//! The clinical vocabulary: problems, drugs, laboratory tests, vaccines, procedures, allergens.
//!
//! Not for: deciding who has what (`story`). The code values are those of SNOMED CT, ICD-10-CM, RxNorm (ingredients),
//! LOINC and CVX; the wording, choice and numbers beside them are our own.

pub const SNOMED: &str = "http://snomed.info/sct";
pub const LOINC: &str = "http://loinc.org";
pub const RXNORM: &str = "http://www.nlm.nih.gov/research/umls/rxnorm";
pub const ICD10: &str = "http://hl7.org/fhir/sid/icd-10-cm";
pub const CVX: &str = "http://hl7.org/fhir/sid/cvx";
pub const UCUM: &str = "http://unitsofmeasure.org";

/// What a problem asks for, apart from its drugs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Course {
    Chronic,
    Acute,
    /// A chronic one that carries a sensitivity code (v3-ActCode).
    Sensitive(&'static str),
}

pub struct Problem {
    pub snomed: &'static str,
    pub icd: &'static str,
    pub name: &'static str,
    pub course: Course,
    /// Age in years from which it occurs, and how many adults of a thousand have it (for acute ones: its share).
    pub from_age: i64,
    pub permille: u64,
    /// Indexes into `DRUGS`.
    pub drugs: &'static [usize],
    /// What people say who have it.
    pub complaint: &'static str,
}

const fn problem(
    snomed: &'static str,
    icd: &'static str,
    name: &'static str,
    course: Course,
    age_and_share: (i64, u64),
    drugs: &'static [usize],
    complaint: &'static str,
) -> Problem {
    Problem { snomed, icd, name, course, from_age: age_and_share.0, permille: age_and_share.1, drugs, complaint }
}

use Course::{Acute, Chronic, Sensitive};

/// Places in `PROBLEMS` that other parts of the story look for.
pub const HYPERTENSION: usize = 0;
pub const DIABETES: usize = 1;
pub const LIPIDS: usize = 2;
pub const THYROID: usize = 6;
pub const FIBRILLATION: usize = 8;
pub const KIDNEY: usize = 9;
pub const ANEMIA: usize = 15;
pub const GOUT: usize = 19;
pub const HIV: usize = 25;

pub static PROBLEMS: [Problem; 42] = [
    problem("59621000", "I10", "Essential hypertension", Chronic, (35, 330), &[0, 1, 2], "headaches in the morning"),
    problem("44054006", "E11.9", "Type 2 diabetes mellitus", Chronic, (35, 140), &[3, 4], "thirst and frequent urination"),
    problem("55822004", "E78.5", "Hyperlipidemia", Chronic, (35, 280), &[5], "no symptoms"),
    problem("195967001", "J45.909", "Asthma", Chronic, (5, 90), &[6, 7], "wheezing at night"),
    problem(
        "13645005",
        "J44.9",
        "Chronic obstructive pulmonary disease",
        Chronic,
        (50, 70),
        &[6, 8],
        "shortness of breath on stairs",
    ),
    problem("235595009", "K21.9", "Gastroesophageal reflux disease", Chronic, (25, 190), &[9], "burning behind the breastbone"),
    problem("40930008", "E03.9", "Hypothyroidism", Chronic, (25, 90), &[10], "fatigue and feeling cold"),
    problem("239873007", "M17.9", "Osteoarthritis of knee", Chronic, (50, 160), &[11, 12], "knee pain when walking downhill"),
    problem("49436004", "I48.91", "Atrial fibrillation", Chronic, (60, 80), &[13, 14], "palpitations"),
    problem("433144002", "N18.30", "Chronic kidney disease stage 3", Chronic, (55, 80), &[0], "swollen ankles"),
    problem("53741008", "I25.10", "Coronary arteriosclerosis", Chronic, (50, 90), &[5, 13, 15], "chest tightness on exertion"),
    problem("84114007", "I50.9", "Heart failure", Chronic, (60, 50), &[16, 17], "swelling and breathlessness lying flat"),
    problem("279039007", "M54.50", "Low back pain", Chronic, (25, 170), &[11, 18], "aching across the low back"),
    problem("37796009", "G43.909", "Migraine", Chronic, (14, 90), &[19], "throbbing one-sided headache"),
    problem("414916001", "E66.9", "Obesity", Chronic, (12, 250), &[], "difficulty losing weight"),
    problem("87522002", "D50.9", "Iron deficiency anemia", Chronic, (15, 60), &[20], "tiredness and pallor"),
    problem("61582004", "J30.9", "Allergic rhinitis", Chronic, (4, 150), &[21, 22], "sneezing in spring"),
    problem("64859006", "M81.0", "Osteoporosis", Chronic, (62, 110), &[23, 24], "loss of height"),
    problem("266569009", "N40.0", "Benign prostatic hyperplasia", Chronic, (55, 110), &[25], "getting up at night to urinate"),
    problem("90560007", "M10.9", "Gout", Chronic, (40, 50), &[26], "a red and swollen great toe"),
    problem("43116000", "L30.9", "Eczema", Chronic, (0, 60), &[27], "itching in the elbow creases"),
    problem("78275009", "G47.33", "Obstructive sleep apnea", Chronic, (35, 80), &[], "loud snoring and daytime sleepiness"),
    problem("34713006", "E55.9", "Vitamin D deficiency", Chronic, (20, 110), &[24], "muscle aches"),
    problem(
        "370143000",
        "F32.9",
        "Major depressive disorder",
        Sensitive("PSY"),
        (16, 80),
        &[28, 29],
        "low mood and early waking",
    ),
    problem("66590003", "F10.20", "Alcohol dependence", Sensitive("SUD"), (20, 35), &[30], "shaking hands in the morning"),
    problem("86406008", "B20", "Human immunodeficiency virus infection", Sensitive("HIV"), (20, 14), &[31, 32], "no symptoms"),
    problem("75544000", "F11.20", "Opioid dependence", Sensitive("SUD"), (20, 18), &[33], "cravings"),
    problem("65363002", "H66.90", "Otitis media", Acute, (0, 50), &[34], "ear pain and fever"),
    problem("10509002", "J20.9", "Acute bronchitis", Acute, (5, 60), &[6], "a productive cough for ten days"),
    problem("363746003", "J02.9", "Acute pharyngitis", Acute, (2, 60), &[34], "a sore throat"),
    problem("54150009", "J06.9", "Upper respiratory infection", Acute, (0, 120), &[], "a runny nose and cough"),
    problem("68566005", "N39.0", "Urinary tract infection", Acute, (12, 60), &[35], "burning on urination"),
    problem("15805002", "J01.90", "Acute sinusitis", Acute, (10, 60), &[34], "facial pressure"),
    problem("44465007", "S93.409A", "Sprain of ankle", Acute, (8, 40), &[12], "a twisted ankle"),
    problem("233604007", "J18.9", "Pneumonia", Acute, (0, 25), &[36], "fever, cough and chills"),
    problem("85189001", "K35.80", "Acute appendicitis", Acute, (8, 8), &[37], "pain in the right lower abdomen"),
    problem("128045006", "L03.90", "Cellulitis", Acute, (10, 30), &[37], "a spreading red patch on the leg"),
    problem("25374005", "K52.9", "Gastroenteritis", Acute, (0, 50), &[38], "vomiting and loose stools"),
    problem("12676007", "S52.90XA", "Fracture of radius", Acute, (6, 15), &[12], "a fall on the outstretched hand"),
    problem("235919008", "K80.20", "Gallbladder calculus", Acute, (30, 15), &[38], "cramping after fatty meals"),
    problem("271807003", "R21", "Eruption of skin", Acute, (0, 40), &[27], "a rash on the trunk"),
    problem("404640003", "R42", "Dizziness", Acute, (20, 35), &[], "the room spinning on getting up"),
];

pub struct Drug {
    pub rxnorm: &'static str,
    pub name: &'static str,
    pub strength: &'static str,
    pub sig: &'static str,
    pub per_day: i64,
    /// Given for days; 0 for long-term use.
    pub days: i64,
}

const fn drug(
    rxnorm: &'static str,
    name: &'static str,
    strength: &'static str,
    sig: &'static str,
    per_day: i64,
    days: i64,
) -> Drug {
    Drug { rxnorm, name, strength, sig, per_day, days }
}

pub static DRUGS: [Drug; 39] = [
    drug("29046", "lisinopril", "10 mg tablet", "Take 1 tablet by mouth every morning", 1, 0),
    drug("17767", "amlodipine", "5 mg tablet", "Take 1 tablet by mouth daily", 1, 0),
    drug("5487", "hydrochlorothiazide", "25 mg tablet", "Take 1 tablet by mouth every morning", 1, 0),
    drug("6809", "metformin", "500 mg tablet", "Take 1 tablet by mouth twice daily with meals", 2, 0),
    drug("274783", "insulin glargine", "100 unit/mL pen", "Inject 14 units under the skin at bedtime", 1, 0),
    drug("83367", "atorvastatin", "20 mg tablet", "Take 1 tablet by mouth at bedtime", 1, 0),
    drug("435", "albuterol", "90 mcg/actuation inhaler", "Inhale 2 puffs every 4 hours as needed for wheezing", 4, 0),
    drug("41126", "fluticasone", "110 mcg/actuation inhaler", "Inhale 2 puffs twice daily, rinse mouth after use", 2, 0),
    drug("69120", "tiotropium", "18 mcg inhalation capsule", "Inhale the contents of 1 capsule daily", 1, 0),
    drug("7646", "omeprazole", "20 mg delayed-release capsule", "Take 1 capsule by mouth before breakfast", 1, 0),
    drug("10582", "levothyroxine", "50 mcg tablet", "Take 1 tablet by mouth on an empty stomach", 1, 0),
    drug("5640", "ibuprofen", "600 mg tablet", "Take 1 tablet by mouth every 8 hours with food as needed", 3, 0),
    drug("161", "acetaminophen", "500 mg tablet", "Take 2 tablets by mouth every 8 hours as needed for pain", 3, 14),
    drug("6918", "metoprolol", "25 mg tablet", "Take 1 tablet by mouth twice daily", 2, 0),
    drug("11289", "warfarin", "5 mg tablet", "Take 1 tablet by mouth every evening, or as directed by INR", 1, 0),
    drug("1191", "aspirin", "81 mg tablet", "Take 1 tablet by mouth daily", 1, 0),
    drug("4603", "furosemide", "40 mg tablet", "Take 1 tablet by mouth every morning", 1, 0),
    drug("20352", "carvedilol", "6.25 mg tablet", "Take 1 tablet by mouth twice daily with food", 2, 0),
    drug("25480", "gabapentin", "300 mg capsule", "Take 1 capsule by mouth three times daily", 3, 0),
    drug("37418", "sumatriptan", "50 mg tablet", "Take 1 tablet at onset of migraine, may repeat once after 2 hours", 1, 0),
    drug("24947", "ferrous sulfate", "325 mg tablet", "Take 1 tablet by mouth every other day", 1, 0),
    drug("28889", "loratadine", "10 mg tablet", "Take 1 tablet by mouth daily as needed for allergies", 1, 0),
    drug("88249", "montelukast", "10 mg tablet", "Take 1 tablet by mouth in the evening", 1, 0),
    drug("46041", "alendronate", "70 mg tablet", "Take 1 tablet once weekly, sit upright for 30 minutes", 1, 0),
    drug("2418", "cholecalciferol", "1000 unit tablet", "Take 1 tablet by mouth daily", 1, 0),
    drug("77492", "tamsulosin", "0.4 mg capsule", "Take 1 capsule by mouth after supper", 1, 0),
    drug("519", "allopurinol", "100 mg tablet", "Take 1 tablet by mouth daily", 1, 0),
    drug("5492", "hydrocortisone", "1 % cream", "Apply a thin layer to the rash twice daily", 2, 14),
    drug("36437", "sertraline", "50 mg tablet", "Take 1 tablet by mouth every morning", 1, 0),
    drug("10737", "trazodone", "50 mg tablet", "Take 1 tablet by mouth at bedtime", 1, 0),
    drug("7243", "naltrexone", "50 mg tablet", "Take 1 tablet by mouth daily", 1, 0),
    drug("1433868", "dolutegravir", "50 mg tablet", "Take 1 tablet by mouth daily", 1, 0),
    drug("276237", "emtricitabine", "200 mg capsule", "Take 1 capsule by mouth daily", 1, 0),
    drug("1819", "buprenorphine", "8 mg sublingual tablet", "Dissolve 1 tablet under the tongue daily", 1, 0),
    drug("723", "amoxicillin", "500 mg capsule", "Take 1 capsule by mouth three times daily until finished", 3, 10),
    drug("7454", "nitrofurantoin", "100 mg capsule", "Take 1 capsule by mouth twice daily for 5 days", 2, 5),
    drug("18631", "azithromycin", "250 mg tablet", "Take 2 tablets today, then 1 tablet daily for 4 days", 1, 5),
    drug("2231", "cephalexin", "500 mg capsule", "Take 1 capsule by mouth four times daily for 7 days", 4, 7),
    drug("26225", "ondansetron", "4 mg tablet", "Take 1 tablet by mouth every 8 hours as needed for nausea", 3, 3),
];

/// A laboratory test: values are integers with `places` decimals.
pub struct Test {
    pub loinc: &'static str,
    pub name: &'static str,
    pub unit: &'static str,
    pub places: u8,
    pub low: i64,
    pub high: i64,
    /// Day-to-day spread within one person.
    pub spread: i64,
}

const fn test(loinc: &'static str, name: &'static str, unit: &'static str, places: u8, range: (i64, i64), spread: i64) -> Test {
    Test { loinc, name, unit, places, low: range.0, high: range.1, spread }
}

pub const GLUCOSE: usize = 0;
pub const CREATININE: usize = 2;
pub const EGFR: usize = 14;
pub const HEMOGLOBIN: usize = 16;
pub const LDL: usize = 24;
pub const TRIGLYCERIDE: usize = 25;
pub const A1C: usize = 26;
pub const TSH: usize = 27;
pub const INR: usize = 28;
pub const URATE: usize = 29;
pub const TROPONIN: usize = 30;
pub const VIRAL_LOAD: usize = 31;
pub const FERRITIN: usize = 32;
pub const VITAMIN_D: usize = 33;

pub static TESTS: [Test; 34] = [
    test("2345-7", "Glucose", "mg/dL", 0, (70, 99), 5),
    test("3094-0", "Urea nitrogen", "mg/dL", 0, (7, 20), 2),
    test("2160-0", "Creatinine", "mg/dL", 2, (60, 130), 7),
    test("2951-2", "Sodium", "mmol/L", 0, (136, 145), 2),
    test("2823-3", "Potassium", "mmol/L", 1, (35, 51), 3),
    test("2075-0", "Chloride", "mmol/L", 0, (98, 107), 2),
    test("2028-9", "Carbon dioxide, total", "mmol/L", 0, (22, 29), 2),
    test("17861-6", "Calcium", "mg/dL", 1, (86, 103), 3),
    test("2885-2", "Protein", "g/dL", 1, (60, 83), 3),
    test("1751-7", "Albumin", "g/dL", 1, (35, 50), 2),
    test("1975-2", "Bilirubin, total", "mg/dL", 1, (2, 12), 1),
    test("6768-6", "Alkaline phosphatase", "U/L", 0, (44, 121), 9),
    test("1742-6", "Alanine aminotransferase", "U/L", 0, (7, 44), 5),
    test("1920-8", "Aspartate aminotransferase", "U/L", 0, (10, 40), 4),
    test("33914-3", "Glomerular filtration rate, estimated", "mL/min/{1.73_m2}", 0, (60, 120), 4),
    test("6690-2", "Leukocytes", "10*3/uL", 1, (45, 110), 9),
    test("718-7", "Hemoglobin", "g/dL", 1, (120, 160), 4),
    test("4544-3", "Hematocrit", "%", 1, (360, 480), 11),
    test("787-2", "Erythrocyte mean corpuscular volume", "fL", 0, (80, 100), 2),
    test("785-6", "Erythrocyte mean corpuscular hemoglobin", "pg", 1, (270, 330), 6),
    test("788-0", "Erythrocyte distribution width", "%", 1, (115, 145), 4),
    test("777-3", "Platelets", "10*3/uL", 0, (150, 400), 22),
    test("2093-3", "Cholesterol", "mg/dL", 0, (120, 199), 12),
    test("2085-9", "Cholesterol in HDL", "mg/dL", 0, (40, 75), 4),
    test("13457-7", "Cholesterol in LDL, calculated", "mg/dL", 0, (50, 129), 11),
    test("2571-8", "Triglyceride", "mg/dL", 0, (50, 149), 18),
    test("4548-4", "Hemoglobin A1c", "%", 1, (40, 56), 1),
    test("3016-3", "Thyrotropin", "m[IU]/L", 2, (40, 450), 35),
    test("6301-6", "INR", "{INR}", 1, (20, 30), 4),
    test("3084-1", "Urate", "mg/dL", 1, (35, 72), 5),
    test("10839-9", "Troponin I, cardiac", "ng/mL", 2, (0, 4), 1),
    test("20447-9", "HIV 1 RNA, viral load", "{copies}/mL", 0, (0, 20), 9),
    test("2276-4", "Ferritin", "ng/mL", 0, (15, 200), 9),
    test("1989-3", "25-Hydroxyvitamin D3", "ng/mL", 0, (30, 100), 4),
];

pub struct Panel {
    pub loinc: &'static str,
    pub name: &'static str,
    pub tests: &'static [usize],
}

pub static METABOLIC: Panel =
    Panel { loinc: "24323-8", name: "Comprehensive metabolic panel", tests: &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14] };
pub static BLOOD_COUNT: Panel =
    Panel { loinc: "58410-2", name: "Complete blood count panel", tests: &[15, 16, 17, 18, 19, 20, 21] };
pub static LIPID: Panel = Panel { loinc: "57698-3", name: "Lipid panel with direct LDL", tests: &[22, 23, 24, 25] };

/// (CVX, name, ages in months when it is due; an empty list is every autumn)
pub static VACCINES: [(&str, &str, &[i64]); 16] = [
    ("08", "Hepatitis B, adolescent or pediatric", &[0, 2, 6]),
    ("116", "Rotavirus, pentavalent", &[2, 4, 6]),
    ("20", "DTaP", &[2, 4, 6, 15, 50]),
    ("48", "Hib (PRP-T)", &[2, 4, 6, 13]),
    ("133", "Pneumococcal conjugate PCV 13", &[2, 4, 6, 12]),
    ("10", "IPV", &[2, 4, 9, 52]),
    ("03", "MMR", &[12, 53]),
    ("21", "Varicella", &[13, 54]),
    ("83", "Hepatitis A, pediatric or adolescent, 2 dose", &[14, 20]),
    ("115", "Tdap", &[134, 360, 480, 600, 720, 840]),
    ("165", "HPV9", &[135, 141]),
    ("114", "Meningococcal MCV4P", &[136, 194]),
    ("187", "Zoster, recombinant", &[604, 608]),
    ("33", "Pneumococcal polysaccharide PPV23", &[784]),
    ("208", "COVID-19, mRNA, LNP-S, PF, 30 mcg/0.3 mL dose", &[]),
    ("150", "Influenza, injectable, quadrivalent, preservative free", &[]),
];

/// (SNOMED, name, from age, permille of adults who had it, operation with a note)
pub static PROCEDURES: [(&str, &str, i64, u64, bool); 12] = [
    ("73761001", "Colonoscopy", 50, 450, true),
    ("45595009", "Laparoscopic cholecystectomy", 30, 60, true),
    ("80146002", "Appendectomy", 8, 40, true),
    ("110473004", "Cataract surgery", 65, 180, true),
    ("609588000", "Total knee replacement", 58, 60, true),
    ("29303009", "Electrocardiographic procedure", 40, 500, false),
    ("127783003", "Spirometry", 20, 140, false),
    ("40701008", "Echocardiography", 50, 160, false),
    ("71651007", "Mammography", 40, 350, false),
    ("415070008", "Percutaneous coronary intervention", 55, 35, true),
    ("240977001", "Biopsy of skin", 30, 90, false),
    ("399208008", "Plain chest X-ray", 18, 350, false),
];

/// (system, code, name, category, reaction SNOMED, reaction)
pub static ALLERGENS: [(&str, &str, &str, &str, &str, &str); 10] = [
    (SNOMED, "764146007", "Penicillin", "medication", "126485001", "Urticaria"),
    (SNOMED, "387406002", "Sulfonamide", "medication", "271807003", "Eruption of skin"),
    (SNOMED, "762952008", "Peanut", "food", "39579001", "Anaphylaxis"),
    (SNOMED, "111088007", "Latex", "environment", "126485001", "Urticaria"),
    (SNOMED, "735029006", "Shellfish", "food", "41291007", "Angioedema"),
    (RXNORM, "1191", "aspirin", "medication", "267036007", "Dyspnea"),
    (RXNORM, "2670", "codeine", "medication", "422587007", "Nausea"),
    (RXNORM, "29046", "lisinopril", "medication", "49727002", "Cough"),
    (SNOMED, "288328004", "Bee venom", "environment", "41291007", "Angioedema"),
    (RXNORM, "5640", "ibuprofen", "medication", "422587007", "Nausea"),
];
