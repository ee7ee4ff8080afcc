"""The web app of `maquette serve`: pages and an interface of JSON, jobs in processes of their own, all of it local."""
