# SPDX-License-Identifier: GPL-2.0
# The front door. The work is done in tools/vcm.

.DEFAULT_GOAL := help

export BUILD KSRC FILTER MACHINE IMAGE KUNITCONFIG BUDGET BASE VERSION SIGNOFF
export PYTHONDONTWRITEBYTECODE := 1

help: ## this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1\t\2/p' Makefile | expand -t 14

run: ## build one arm64 kernel, show VCM on three machines (MACHINE=none|...: on that one)
run-all: ## the same, and arm with and without LPAE, x86 with VT-d and AMD-Vi
test: ## everything that gates, on arm64 and arm; ends with "N passed, M failed"
test-all: ## the same on every architecture
kunit: ## the KUnit suites on a debug kernel (FILTER=suite.case MACHINE=virtio-iommu|arm-lpae|...)
kunit-um: ## the portable KUnit suites on ARCH=um (FILTER=suite.case)
bench: ## VCM beside what drivers use instead (FILTER=mapping|..., BUDGET=write: the figures become budgets)
mutants: ## break the code in one place at a time, see the tests notice (FILTER=iommu)
shell: ## a console on a machine (MACHINE=smmuv3|virtio-iommu|none|... IMAGE=run|debug)
checks: ## checkpatch, kernel-doc, W=1 builds with gcc and clang
series: ## the patches, in out/v1 (VERSION=2 SIGNOFF="Name <mail>" BASE=/path/to/another/linux)
series-check: ## git am, W=1 and KUnit at each commit, checkpatch, documents (BASE=: do they apply there)
deps: ## install the tools that are missing
base: ## unpack the Linux tree (KSRC=/path/to/linux-7.3: copy that one, and stay with it)
clean: ## remove build/ (downloads and ccache stay)
overlay: ## lay the repository over the Linux tree

run run-all test test-all kunit kunit-um bench mutants shell checks series series-check deps base overlay:
	@tools/vcm/start.sh $@

clean:
	rm -rf $(or $(BUILD),build)

.PHONY: help clean run run-all test test-all kunit kunit-um bench mutants shell checks series series-check deps \
	base overlay
