"""What pages share: how a page begins, which study, size and selection it is about, cached loaders, jobs and charts."""
