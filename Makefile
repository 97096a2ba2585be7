env: ## print the environment for building by hand: eval "$$(make env)"
	@scripts/env.sh
