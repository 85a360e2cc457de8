"""Lays out functions as `sam build` does, from binaries that are built already: `lay_out.py TEMPLATE BINARIES BUILD`.

Each function's binary, without its symbols, becomes BUILD/LOGICAL-ID/bootstrap, and BUILD/template.yaml names these folders.
"""

import pathlib
import shutil
import subprocess
import sys

from samcli.yamlhelper import parse_yaml_file, yaml_dump


def main(path, binaries, build):
    template = parse_yaml_file(path)
    shutil.rmtree(build, ignore_errors=True)
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            binary = resource["Metadata"]["BuildProperties"]["Binary"]
            folder = build / name
            folder.mkdir(parents=True)
            subprocess.run(["strip", "-o", folder / "bootstrap", binaries / binary], check=True)
            resource["Properties"]["CodeUri"] = name
    (build / "template.yaml").write_text(yaml_dump(template))


main(sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]))
