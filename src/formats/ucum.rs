//! Units of measure in UCUM's case-sensitive form: whether a text is one.
//!
//! Not for: converting units, or guessing which unit a text means: `mmHg` is none.

/// Most units nested in parentheses.
const DEPTH_MAX: usize = 8;
/// Longest unit that is looked at.
const BYTES_MAX: usize = 200;

const PREFIXES: [&str; 24] =
    ["da", "Ki", "Mi", "Gi", "Ti", "Y", "Z", "E", "P", "T", "G", "M", "k", "h", "d", "c", "m", "u", "n", "p", "f", "a", "z", "y"];

/// Atoms that take a prefix.
const METRIC: [&str; 75] = [
    "m", "s", "g", "rad", "K", "C", "cd", "mol", "sr", "Hz", "N", "Pa", "J", "W", "A", "V", "F", "Ohm", "S", "Wb", "Cel", "T",
    "H", "lm", "lx", "Bq", "Gy", "Sv", "l", "L", "ar", "t", "bar", "u", "eV", "pc", "[c]", "[h]", "[k]", "[eps_0]", "[mu_0]",
    "[e]", "[m_e]", "[m_p]", "[G]", "[g]", "[ly]", "gf", "Ky", "Gal", "dyn", "erg", "P", "Bi", "St", "Mx", "G", "Oe", "Gb", "sb",
    "Lmb", "ph", "Ci", "RAD", "REM", "cal", "cal_[15]", "cal_[20]", "cal_m", "cal_IT", "cal_th", "eq", "osm", "kat", "U",
];

/// More that take a prefix: arbitrary units and logarithmic ones.
const METRIC_MORE: [&str; 24] = [
    "[iU]",
    "[IU]",
    "Np",
    "B",
    "B[SPL]",
    "B[V]",
    "B[mV]",
    "B[uV]",
    "B[10.nV]",
    "B[W]",
    "B[kW]",
    "bit",
    "By",
    "Bd",
    "st",
    "mho",
    "[anti'Xa'U]",
    "[gal_us]",
    "[m/s2/Hz^0.5]",
    "m[H2O]",
    "m[Hg]",
    "[p'diop]",
    "%[slope]",
    "[Btu_th]",
];

/// Atoms that stand alone.
const PLAIN: [&str; 192] = [
    "10*",
    "10^",
    "[pi]",
    "%",
    "[ppth]",
    "[ppm]",
    "[ppb]",
    "[pptr]",
    "gon",
    "deg",
    "'",
    "''",
    "min",
    "h",
    "d",
    "a_t",
    "a_j",
    "a_g",
    "a",
    "wk",
    "mo_s",
    "mo_j",
    "mo_g",
    "mo",
    "AU",
    "atm",
    "[lbf_av]",
    "[in_i]",
    "[ft_i]",
    "[yd_i]",
    "[mi_i]",
    "[fth_i]",
    "[nmi_i]",
    "[kn_i]",
    "[sin_i]",
    "[sft_i]",
    "[syd_i]",
    "[cin_i]",
    "[cft_i]",
    "[cyd_i]",
    "[bf_i]",
    "[cr_i]",
    "[mil_i]",
    "[cml_i]",
    "[hd_i]",
    "[ft_us]",
    "[yd_us]",
    "[in_us]",
    "[rd_us]",
    "[ch_us]",
    "[lk_us]",
    "[rch_us]",
    "[rlk_us]",
    "[fth_us]",
    "[fur_us]",
    "[mi_us]",
    "[acr_us]",
    "[srd_us]",
    "[smi_us]",
    "[sct]",
    "[twp]",
    "[mil_us]",
    "[in_br]",
    "[ft_br]",
    "[rd_br]",
    "[ch_br]",
    "[lk_br]",
    "[fth_br]",
    "[pc_br]",
    "[yd_br]",
    "[mi_br]",
    "[nmi_br]",
    "[kn_br]",
    "[acr_br]",
    "[bbl_us]",
    "[qt_us]",
    "[pt_us]",
    "[gil_us]",
    "[foz_us]",
    "[fdr_us]",
    "[min_us]",
    "[crd_us]",
    "[bu_us]",
    "[gal_wi]",
    "[pk_us]",
    "[dqt_us]",
    "[dpt_us]",
    "[tbs_us]",
    "[tsp_us]",
    "[cup_us]",
    "[foz_m]",
    "[cup_m]",
    "[tsp_m]",
    "[tbs_m]",
    "[gal_br]",
    "[pk_br]",
    "[bu_br]",
    "[qt_br]",
    "[pt_br]",
    "[gil_br]",
    "[foz_br]",
    "[fdr_br]",
    "[min_br]",
    "[gr]",
    "[lb_av]",
    "[oz_av]",
    "[dr_av]",
    "[scwt_av]",
    "[lcwt_av]",
    "[ston_av]",
    "[lton_av]",
    "[stone_av]",
    "[pwt_tr]",
    "[oz_tr]",
    "[lb_tr]",
    "[sc_ap]",
    "[dr_ap]",
    "[oz_ap]",
    "[lb_ap]",
    "[oz_m]",
    "[lne]",
    "[pnt]",
    "[pca]",
    "[pied]",
    "[pouce]",
    "[ligne]",
    "[didot]",
    "[cicero]",
    "[degF]",
    "[degR]",
    "[degRe]",
    "[Cal]",
    "[Btu]",
    "[HP]",
    "tex",
    "[den]",
    "[in_i'Hg]",
    "[in_i'H2O]",
    "[PRU]",
    "[wood'U]",
    "[diop]",
    "[mesh_i]",
    "[Ch]",
    "[drp]",
    "[hnsf'U]",
    "[MET]",
    "[hp'_X]",
    "[hp'_C]",
    "[hp'_M]",
    "[hp'_Q]",
    "[hp_X]",
    "[hp_C]",
    "[hp_M]",
    "[hp_Q]",
    "[kp_X]",
    "[kp_C]",
    "[pH]",
    "[S]",
    "[HPF]",
    "[LPF]",
    "[arb'U]",
    "[USP'U]",
    "[GPL'U]",
    "[MPL'U]",
    "[APL'U]",
    "[beth'U]",
    "[todd'U]",
    "[dye'U]",
    "[smgy'U]",
    "[bdsk'U]",
    "[ka'U]",
    "[knk'U]",
    "[mclg'U]",
    "[tb'U]",
    "[Amb'a'1'U]",
    "[BAU]",
    "[AU]",
    "[FEU]",
    "[PFU]",
    "[CFU]",
    "[CCID_50]",
    "[TCID_50]",
    "[EID_50]",
    "[Lf]",
    "[D'ag'U]",
    "[IR]",
    "circ",
    "sph",
    "[car_m]",
    "[car_Au]",
    "[smoot]",
    "[cup_uk]",
];

/// Whether a text is a unit of UCUM as it is written.
pub fn is_unit(text: &str) -> bool {
    if text.is_empty() || text.len() > BYTES_MAX || !text.bytes().all(|b| b.is_ascii_graphic()) {
        return false;
    }
    let mut rest = text.strip_prefix('/').unwrap_or(text);
    term(&mut rest, 0) && rest.is_empty()
}

/// Whether a text that nobody called UCUM is a unit of it, and surely meant as one: `K/uL` would be kelvins per
/// microlitre, `MG` a million gauss.
pub fn is_unit_as_meant(text: &str) -> bool {
    const DOUBTFUL: [&str; 14] = ["A", "B", "C", "F", "G", "H", "J", "K", "MG", "N", "P", "S", "T", "W"];
    is_unit(text) && !text.split(['/', '.', '(', ')', '{', '}']).any(|symbol| DOUBTFUL.contains(&symbol))
}

/// Components joined by `.` and `/`.
fn term(rest: &mut &str, depth: usize) -> bool {
    loop {
        if !component(rest, depth) {
            return false;
        }
        match rest.strip_prefix(['.', '/']) {
            Some(after) => *rest = after,
            None => return true,
        }
    }
}

/// `(term)`, a unit with its exponent, or a number; each may be annotated. An annotation alone is the unit 1.
fn component(rest: &mut &str, depth: usize) -> bool {
    if let Some(inside) = rest.strip_prefix('(') {
        *rest = inside;
        let is_term = depth < DEPTH_MAX && term(rest, depth + 1);
        return match rest.strip_prefix(')') {
            Some(after) if is_term => {
                *rest = after;
                true
            }
            _ => false,
        };
    }
    if rest.starts_with('{') {
        return annotation(rest);
    }
    let end = symbol_end(rest);
    let (symbol, after) = rest.split_at(end);
    if !is_symbol(symbol) {
        return false;
    }
    *rest = after;
    !rest.starts_with('{') || annotation(rest)
}

fn annotation(rest: &mut &str) -> bool {
    let inside = rest.strip_prefix('{').and_then(|inside| inside.split_once('}'));
    match inside {
        Some((words, after)) if !words.contains('{') => {
            *rest = after;
            true
        }
        _ => false,
    }
}

/// Where a unit with its exponent ends; brackets hold what else would end it.
fn symbol_end(text: &str) -> usize {
    let mut in_brackets = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'[' => in_brackets = true,
            b']' => in_brackets = false,
            b'.' | b'/' | b'(' | b')' | b'{' | b'}' if !in_brackets => return at,
            _ => {}
        }
    }
    text.len()
}

fn is_symbol(symbol: &str) -> bool {
    if symbol.is_empty() {
        return false;
    }
    if symbol.bytes().all(|b| b.is_ascii_digit()) {
        return true;
    }
    let base = symbol.trim_end_matches(|c: char| c.is_ascii_digit());
    let unsigned = if base.len() < symbol.len() { base.strip_suffix(['+', '-']).unwrap_or(base) } else { base };
    is_atom(unsigned) || is_atom(symbol)
}

fn is_atom(text: &str) -> bool {
    let is_metric = |text: &str| METRIC.contains(&text) || METRIC_MORE.contains(&text);
    PLAIN.contains(&text) || is_metric(text) || PREFIXES.iter().filter_map(|p| text.strip_prefix(p)).any(is_metric)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_unit_and_what_is_not() {
        let units = [
            "mg",
            "mg/dL",
            "10*3/uL",
            "10*6/uL",
            "mm[Hg]",
            "/min",
            "%",
            "{score}",
            "[in_i]",
            "kg/m2",
            "mL/min/{1.73_m2}",
            "[degF]",
            "Cel",
            "u[IU]/mL",
            "m[IU]/L",
            "mmol/L",
            "meq/L",
            "mosm/kg",
            "1",
            "10*-3.mg",
            "mg/(24.h)",
            "g{creat}",
            "[pH]",
            "/[HPF]",
            "U/L",
            "m2",
            "s-1",
            "a",
            "mo",
            "[iU]/mL",
            "{#}/d",
            "m[H2O]",
            "[lb_av]",
            "cm[H2O]",
            "ug/kg/h",
        ];
        for unit in units {
            assert!(is_unit(unit), "{unit}");
        }
        let others = [
            "",
            "mmHg",
            "tablet(s)",
            "mg / dL",
            "mg/",
            "//min",
            "{score",
            "kg/m^2",
            "IU",
            "lbs",
            "mcg",
            "x10*3",
            "()",
            "(mg",
            "bpm",
            "°C",
            "{a{b}}",
            "mg)",
        ];
        for other in others {
            assert!(!is_unit(other), "{other}");
        }
        assert!(!is_unit(&"(".repeat(150)));
        assert!(is_unit("MG") && !is_unit_as_meant("MG"));
        assert!(is_unit("K/uL") && !is_unit_as_meant("K/uL") && is_unit_as_meant("mg/dL"));
    }
}
