"""Prints where a stack's API and table are, as variables of the API's tests: `deployed.py STACK UPSTREAM_PORT`."""

import os
import sys

import boto3

stack, upstream = sys.argv[1:]
resources = boto3.client("cloudformation").describe_stack_resources(StackName=stack)["StackResources"]
names = {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in resources}
print(f"LAMBENT_TEST_URL={os.environ['AWS_ENDPOINT_URL']}/_aws/execute-api/{names['Api']}/v1")
print(f"LAMBENT_TEST_UPSTREAM=127.0.0.1:{upstream}")
print(f"LAMBENT_REQUESTS_TABLE={names['RequestsTable']}")
