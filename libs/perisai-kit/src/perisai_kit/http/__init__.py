"""HTTP as a server speaks it: connections, addresses of clients."""
