"""What is done to the practice's pages; every act is in the trail."""
