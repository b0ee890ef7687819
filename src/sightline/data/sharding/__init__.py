"""Ingest many images in parts that are cached, computed and repeated one by one."""
