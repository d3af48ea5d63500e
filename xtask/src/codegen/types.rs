//! Fields of the `Config` structs and the JSON schemas of their types, read from the source.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use syn::{Attribute, Expr, Fields, GenericArgument, Item, ItemEnum, Lit, Meta, PathArguments, Type};

/// A field of a settings struct.
pub(super) struct Field {
    pub(super) name: String,
    /// Its doc comment in one line.
    pub(super) about: String,
    pub(super) kind: Type,
}

/// The fields of a struct in their order.
pub(super) fn fields(source: &str, structure: &str) -> Result<Vec<Field>> {
    let file = syn::parse_file(source)?;
    let found = file.items.into_iter().find_map(|item| match item {
        Item::Struct(found) if found.ident == structure => Some(found),
        _ => None,
    });
    let Some(Fields::Named(named)) = found.map(|found| found.fields) else {
        bail!("there is no struct {structure} with named fields");
    };
    let field = |field: syn::Field| Field {
        name: field.ident.map(|name| name.to_string()).unwrap_or_default(),
        about: doc(&field.attrs),
        kind: field.ty,
    };
    Ok(named.named.into_iter().map(field).collect())
}

/// What a setting of that type may be. `None`: it is a section of its own.
pub(super) fn schema(root: &Path, source: &str, kind: &Type) -> Result<Option<Value>> {
    let Type::Path(path) = kind else { bail!("only plain types are settings") };
    let last = path.path.segments.last().context("a type has a name")?;
    let inner = || -> Result<Value> {
        let PathArguments::AngleBracketed(arguments) = &last.arguments else { bail!("{} of what?", last.ident) };
        let Some(GenericArgument::Type(inner)) = arguments.args.last() else { bail!("{} of what?", last.ident) };
        schema(root, source, inner)?.with_context(|| format!("{} of a section", last.ident))
    };
    Ok(Some(match last.ident.to_string().as_str() {
        "String" | "Targets" => json!({"type": "string"}),
        "bool" => or_reference(&json!({"type": "boolean"})),
        "u8" | "u16" | "u32" | "u64" | "usize" => or_reference(&json!({"type": "integer", "minimum": 0})),
        "i32" | "i64" => or_reference(&json!({"type": "integer"})),
        "f64" => or_reference(&json!({"type": "number"})),
        // 250ms, 64MiB, or a plain number.
        "Span" | "ByteSize" => json!({"type": ["string", "integer"]}),
        // Secrets do not belong in a ConfigMap: only references to the environment.
        "Secret" => json!({"type": "string", "pattern": "^([$][{][^{}]+[}])?$"}),
        "Option" => json!({"anyOf": [inner()?, {"type": "null"}]}),
        "Vec" => json!({"type": "array", "items": inner()?}),
        "BTreeMap" => json!({"type": "object", "additionalProperties": inner()?}),
        section if section.ends_with("Config") || section == "Limits" => return Ok(None),
        name => words(root, source, name)?,
    }))
}

fn or_reference(schema: &Value) -> Value {
    json!({"anyOf": [schema, {"type": "string", "pattern": "^[$][{][^{}]+[}]$"}]})
}

/// The words of an enum, which stands in the same file or elsewhere in the crates.
fn words(root: &Path, source: &str, name: &str) -> Result<Value> {
    let found = match enumeration(source, name)? {
        Some(found) => found,
        None => elsewhere(root, name)?.with_context(|| {
            format!("xtask/src/codegen/types.rs does not know the type {name}; say there what it accepts")
        })?,
    };
    let case = serde_text(&found.attrs, "rename_all").unwrap_or_default();
    let word = |variant: &syn::Variant| {
        serde_text(&variant.attrs, "rename").unwrap_or_else(|| recase(&variant.ident.to_string(), &case))
    };
    Ok(json!({"enum": found.variants.iter().map(word).collect::<Vec<_>>()}))
}

fn enumeration(source: &str, name: &str) -> Result<Option<ItemEnum>> {
    Ok(syn::parse_file(source)?.items.into_iter().find_map(|item| match item {
        Item::Enum(found) if found.ident == name => Some(found),
        _ => None,
    }))
}

fn elsewhere(root: &Path, name: &str) -> Result<Option<ItemEnum>> {
    let mut directories = vec![root.join("crates")];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory)? {
            let path = entry?.path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let source = fs::read_to_string(&path)?;
                if source.contains(&format!("enum {name} "))
                    && let Some(found) = enumeration(&source, name)?
                {
                    return Ok(Some(found));
                }
            }
        }
    }
    Ok(None)
}

/// `#[serde(key = "text")]`.
fn serde_text(attributes: &[Attribute], key: &str) -> Option<String> {
    let mut text = None;
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
        // Other keys of the attribute are of no interest here.
        let _ = attribute.parse_nested_meta(|meta| {
            let value = meta.value().and_then(|value| value.parse::<syn::LitStr>());
            if meta.path.is_ident(key) {
                text = value.ok().map(|value| value.value());
            }
            Ok(())
        });
    }
    text
}

fn recase(name: &str, case: &str) -> String {
    let split = |with: char| {
        let mut out = String::new();
        for (at, letter) in name.char_indices() {
            if letter.is_uppercase() && at > 0 {
                out.push(with);
            }
            out.extend(letter.to_lowercase());
        }
        out
    };
    match case {
        "lowercase" => name.to_lowercase(),
        "snake_case" => split('_'),
        "kebab-case" => split('-'),
        _ => name.to_owned(),
    }
}

fn doc(attributes: &[Attribute]) -> String {
    let line = |attribute: &Attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Str(text) => Some(text.value().trim().to_owned()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    };
    attributes.iter().filter_map(line).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "pub struct A {\n    /// One\n    /// thing.\n    pub one: Option<u8>,\n    pub mode: Mode,\n    b: BConfig,\n}\n#[serde(rename_all = \"snake_case\")]\nenum Mode { OnDemand, #[serde(rename = \"aws:kms\")] Kms }";

    #[test]
    fn types_become_schemas() {
        let fields = fields(SOURCE, "A").expect("A is there");
        assert_eq!((fields[0].name.as_str(), fields[0].about.as_str()), ("one", "One thing."));
        let schemas: Vec<_> =
            fields.iter().map(|field| schema(crate::root(), SOURCE, &field.kind).expect("known types")).collect();
        assert_eq!(schemas[0].as_ref().map(|one| one["anyOf"][0]["anyOf"][0]["type"].clone()), Some(json!("integer")));
        assert_eq!(schemas[1], Some(json!({"enum": ["on_demand", "aws:kms"]})));
        assert_eq!(schemas[2], None);
    }
}
