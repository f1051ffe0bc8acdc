PYTHON ?= python3

help:
	@echo todo
