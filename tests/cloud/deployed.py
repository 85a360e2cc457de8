"""Prints where a stack's API and tables are, as variables of the API's tests: `deployed.py STACK UPSTREAM_PORT`."""

import os
import sys

import boto3

stack, upstream = sys.argv[1:]
resources = boto3.client("cloudformation").describe_stack_resources(StackName=stack)["StackResources"]
names = {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in resources}
function = boto3.client("lambda").get_function_configuration(FunctionName=names["AnalyseFunction"])
print(f"LAMBENT_TEST_URL={os.environ['AWS_ENDPOINT_URL']}/_aws/execute-api/{names['Api']}/v1")
print(f"LAMBENT_TEST_UPSTREAM=127.0.0.1:{upstream}")
print(f"LAMBENT_REQUESTS_TABLE={names['RequestsTable']}")
print(f"LAMBENT_CALLERS_TABLE={names['CallersTable']}")
print(f"LAMBENT_DOCUMENTS_TABLE={names['DocumentsTable']}")
print(f"LAMBENT_JOBS_TABLE={names['JobsTable']}")
# Keys are made with what the functions check them with.
print(f"LAMBENT_KEY_PEPPER={function['Environment']['Variables']['LAMBENT_KEY_PEPPER']}")
