//! The translated template, and its parts by name.

use std::{
    env,
    io::ErrorKind,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use serde_json::Value;

/// How `transform.py` says that it has no translator to work with.
const NO_TRANSLATOR: i32 = 3;

/// The translated template; `None`, with a word on stderr, where it cannot be made and need not be.
pub(crate) fn template() -> Option<&'static Template> {
    static TEMPLATE: OnceLock<Option<Template>> = OnceLock::new();
    TEMPLATE.get_or_init(|| translate().map(Template)).as_ref()
}

/// The root of the source tree.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A template in CloudFormation's terms.
pub(crate) struct Template(Value);

impl Template {
    /// The properties of the resource with this logical id.
    pub(crate) fn properties(&self, id: &str) -> &Value {
        &self.0["Resources"][id]["Properties"]
    }

    /// Whether this resource stays when it leaves the stack, or the stack goes.
    pub(crate) fn is_retained(&self, id: &str) -> bool {
        let resource = &self.0["Resources"][id];
        ["DeletionPolicy", "UpdateReplacePolicy"]
            .iter()
            .all(|policy| resource[policy] == "Retain")
    }

    /// Logical ids and properties of all resources of a type.
    pub(crate) fn of_type(&self, kind: &str) -> Vec<(&str, &Value)> {
        let resources = self.0["Resources"].as_object().unwrap().iter();
        resources
            .filter(|(_, resource)| resource["Type"] == kind)
            .map(|(id, resource)| (id.as_str(), &resource["Properties"]))
            .collect()
    }

    /// The folder that the function with this logical id is built from.
    pub(crate) fn folder(&self, id: &str) -> &str {
        self.0["Resources"][id]["Metadata"]["BuildProperties"]["Binary"]
            .as_str()
            .unwrap_or_else(|| panic!("{id} is no function built from a folder"))
    }

    /// Logical id and properties of the function built from a folder.
    pub(crate) fn function(&self, folder: &str) -> (&str, &Value) {
        let functions = self.of_type("AWS::Lambda::Function");
        let mut built = functions.into_iter().filter(|(id, _)| self.folder(id) == folder);
        let function = built
            .next()
            .unwrap_or_else(|| panic!("no function is built from {folder}"));
        assert!(built.next().is_none(), "two functions are built from {folder}");
        function
    }

    /// The OpenAPI document that makes the REST API.
    pub(crate) fn api(&self) -> &Value {
        &self.properties("Api")["Body"]
    }
}

fn translate() -> Option<Value> {
    let python = env::var("LAMBENT_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let output = Command::new(&python)
        .arg(root().join("tests/sam/transform.py"))
        .arg(root().join("template.yaml"))
        .output();
    let output = match output {
        Err(error) if error.kind() == ErrorKind::NotFound => return skip(&format!("{python}: {error}")),
        other => other.unwrap(),
    };
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(NO_TRANSLATOR) {
        return skip(&said);
    }
    assert!(
        output.status.success(),
        "the template cannot be translated: {said}"
    );
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

fn skip(reason: &str) -> Option<Value> {
    let required = env::var("CI").is_ok_and(|value| value == "true")
        || env::var("LAMBENT_REQUIRE_SAM").is_ok_and(|value| value == "1");
    assert!(!required, "template.yaml cannot be checked: {reason}");
    eprintln!("skipped, template.yaml is not checked: {reason}");
    None
}
