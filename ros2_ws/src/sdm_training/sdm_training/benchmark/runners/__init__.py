"""Where jobs run; one file and one `config/runner/*.yaml` each."""
