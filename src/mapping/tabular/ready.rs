//! The mappings that come with the program.
//!
//! Not for: mappings of a site, which stand in its own files.

#[derive(rust_embed::RustEmbed)]
#[folder = "schemas/mappings/"]
struct Files;

/// The names of the mappings that there are.
pub fn names() -> Vec<String> {
    let mut names: Vec<String> = Files::iter().filter_map(|file| Some(file.strip_suffix(".toml")?.to_string())).collect();
    names.sort();
    names
}

/// The text of a mapping file by its name.
pub fn text(name: &str) -> Option<String> {
    let file = Files::get(&format!("{name}.toml"))?;
    String::from_utf8(file.data.into_owned()).ok()
}
