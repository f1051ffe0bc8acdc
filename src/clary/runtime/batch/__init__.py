"""The program beside a model's container in a batch transform job: files in, requests out, files with the answers."""
