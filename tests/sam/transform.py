"""Prints template.yaml (the first argument) as CloudFormation gets it, in JSON.

The translation is AWS's own (`samtranslator`), run here without AWS: it is what turns events into routes, so that only its
result says whether a route streams. `sam validate` does not look at that.

Exits with 3 where the translator is missing or too old to know streaming routes.
"""

import json
import os
import sys

REGION = "us-east-1"
OLDEST = (1, 115)
INSTALL = "python3 -m pip install -r tests/sam/requirements.txt"

try:
    from samtranslator import __version__ as version
    from samtranslator.translator.managed_policy_translator import ManagedPolicyLoader
    from samtranslator.translator.transform import transform
    from samtranslator.yaml_helper import yaml_parse
except ImportError as error:
    print(f"{error}: {INSTALL}", file=sys.stderr)
    sys.exit(3)

if tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
    print(f"aws-sam-translator {version} is too old: {INSTALL}", file=sys.stderr)
    sys.exit(3)


class NoManagedPolicies(ManagedPolicyLoader):
    """Policies are named by ARN in the template, so none needs to be looked up at AWS."""

    def __init__(self):
        super().__init__(None)

    def load(self):
        return {}


def main(path):
    os.environ["AWS_DEFAULT_REGION"] = REGION
    with open(path, encoding="utf-8") as file:
        template = yaml_parse(file)
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            # `sam deploy` replaces the local path by an uploaded package before the translation.
            resource["Properties"]["CodeUri"] = "s3://bucket/package"
    # Parameters stay references, as they do for AWS: what depends on one cannot be seen by the translator.
    json.dump(transform(template, {"AWS::Region": REGION}, NoManagedPolicies()), sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
