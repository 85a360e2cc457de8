"""Prints a built template as MiniStack can take it: `for_ministack.py TEMPLATE`.

It answers streaming routes with 500, hands on a dynamic reference as the text that it is, and refuses a stack with a metric
filter or with an alarm on metric math. Everything else stays as it is.
"""

import sys

from samcli.yamlhelper import parse_yaml_file, yaml_dump

PEPPER = "a-pepper-of-tests-which-hashes-the-keys-of-no-caller-who-pays"


def main(path):
    template = parse_yaml_file(path)
    template["Globals"]["Function"]["Environment"]["Variables"]["LAMBENT_RESPONSE_MODE"] = "buffered"
    resources = template["Resources"]
    for name in [name for name, resource in resources.items() if is_refused(resource)]:
        del resources[name]
    for resource in resources.values():
        if resource["Type"] == "AWS::Serverless::Function":
            change(resource["Properties"])
    print(yaml_dump(template))


def is_refused(resource):
    kind = resource["Type"]
    return kind == "AWS::Logs::MetricFilter" or (kind == "AWS::CloudWatch::Alarm" and "Metrics" in resource["Properties"])


def change(function):
    variables = function.get("Environment", {}).get("Variables", {})
    if "LAMBENT_KEY_PEPPER" in variables:
        variables["LAMBENT_KEY_PEPPER"] = PEPPER
    for event in function.get("Events", {}).values():
        if event["Properties"].pop("ResponseTransferMode", None):
            event["Properties"]["TimeoutInMillis"] = 29000


main(sys.argv[1])
