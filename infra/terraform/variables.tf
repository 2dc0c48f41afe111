variable "environment" {
  description = "Which installation this is: its name is part of all others."
  type        = string
  validation {
    condition     = contains(["dev", "test", "prod"], var.environment)
    error_message = "There are dev, test and prod."
  }
}

variable "region" {
  description = "Where everything is."
  type        = string
}

variable "airflow_principals" {
  description = "ARNs of the roles that Airflow's processes run as, such as the task role of ECS or of a service account of EKS."
  type        = list(string)
}

variable "readers" {
  description = "By area, ARNs of the roles that people who read its figures log in as."
  type        = map(list(string))
  default     = {}
}

variable "senders" {
  description = "ARNs of accounts or roles that may drop files for the app and for partners, by the folder of the bucket of arrivals."
  type        = map(list(string))
  default     = {}
}

variable "most_scanned_gb" {
  description = "The most gigabytes that one query may scan; Athena cancels what would scan more."
  type        = number
  validation {
    condition     = var.most_scanned_gb >= 0.01
    error_message = "Athena takes no limit below 10 MB."
  }
}

variable "keep_arrivals_days" {
  description = "Days that dropped files are kept after they have landed."
  type        = number
}

variable "keep_old_versions_days" {
  description = "Days that objects are kept which were deleted or overwritten, in case that was a mistake."
  type        = number
}

variable "keep_results_days" {
  description = "Days that results of queries are kept."
  type        = number
}

variable "keep_exports_days" {
  description = "Days that exports are kept."
  type        = number
}

variable "may_be_destroyed" {
  description = "Whether Terraform may delete buckets and databases with all that is in them."
  type        = bool
}
