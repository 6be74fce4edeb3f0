// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * A phone's sensors for a virtual machine: the temperature sensor behind the device tree's thermal zone, and a battery.
 * A test sets what they say in /sys/module/phonesim/parameters; an agent reads it where it does on a phone, in
 * /sys/class/thermal and /sys/class/power_supply.
 */
#include <linux/mod_devicetable.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/power_supply.h>
#include <linux/thermal.h>

static int millidegrees = 35000;
module_param(millidegrees, int, 0644);
MODULE_PARM_DESC(millidegrees, "what the sensor says, in thousandths of a degree Celsius");

static int battery_millidegrees = 30000;
module_param(battery_millidegrees, int, 0644);
MODULE_PARM_DESC(battery_millidegrees, "what the battery's own sensor says");

static int percent = 80;
module_param(percent, int, 0644);
MODULE_PARM_DESC(percent, "charge of the battery");

static int microamps = -450000;
module_param(microamps, int, 0644);
MODULE_PARM_DESC(microamps, "current into the battery");

static int microvolts = 3900000;
module_param(microvolts, int, 0644);
MODULE_PARM_DESC(microvolts, "voltage of the battery");

static bool charging;
module_param(charging, bool, 0644);
MODULE_PARM_DESC(charging, "whether a charger is connected");

static int sensor_read(struct thermal_zone_device *zone, int *temperature)
{
	*temperature = READ_ONCE(millidegrees);
	return 0;
}

static const struct thermal_zone_device_ops sensor = {
	.get_temp = sensor_read,
};

static const enum power_supply_property known[] = {
	POWER_SUPPLY_PROP_STATUS,
	POWER_SUPPLY_PROP_PRESENT,
	POWER_SUPPLY_PROP_CAPACITY,
	POWER_SUPPLY_PROP_CURRENT_NOW,
	POWER_SUPPLY_PROP_VOLTAGE_NOW,
	POWER_SUPPLY_PROP_TEMP,
};

static int battery_get(struct power_supply *supply, enum power_supply_property property,
		       union power_supply_propval *value)
{
	switch (property) {
	case POWER_SUPPLY_PROP_STATUS:
		value->intval = READ_ONCE(charging) ? POWER_SUPPLY_STATUS_CHARGING : POWER_SUPPLY_STATUS_DISCHARGING;
		return 0;
	case POWER_SUPPLY_PROP_PRESENT:
		value->intval = 1;
		return 0;
	case POWER_SUPPLY_PROP_CAPACITY:
		value->intval = READ_ONCE(percent);
		return 0;
	case POWER_SUPPLY_PROP_CURRENT_NOW:
		value->intval = READ_ONCE(microamps);
		return 0;
	case POWER_SUPPLY_PROP_VOLTAGE_NOW:
		value->intval = READ_ONCE(microvolts);
		return 0;
	case POWER_SUPPLY_PROP_TEMP:
		/* This class counts in tenths of a degree. */
		value->intval = READ_ONCE(battery_millidegrees) / 100;
		return 0;
	default:
		return -EINVAL;
	}
}

static const struct power_supply_desc battery = {
	.name = "battery",
	.type = POWER_SUPPLY_TYPE_BATTERY,
	.properties = known,
	.num_properties = ARRAY_SIZE(known),
	.get_property = battery_get,
	/* Or the kernel makes a second thermal zone of it. */
	.no_thermal = true,
};

static int phonesim_probe(struct platform_device *device)
{
	struct power_supply_config config = {};
	struct thermal_zone_device *zone;

	zone = devm_thermal_of_zone_register(&device->dev, 0, NULL, &sensor);
	if (IS_ERR(zone))
		return PTR_ERR(zone);
	return PTR_ERR_OR_ZERO(devm_power_supply_register(&device->dev, &battery, &config));
}

static const struct of_device_id phonesim_of[] = {
	{ .compatible = "benchrack,phonesim" },
	{}
};
MODULE_DEVICE_TABLE(of, phonesim_of);

static struct platform_driver phonesim = {
	.probe = phonesim_probe,
	.driver = {
		.name = "phonesim",
		.of_match_table = phonesim_of,
	},
};
module_platform_driver(phonesim);

MODULE_DESCRIPTION("temperature sensor and battery whose values a test sets");
/* The kernel's symbols for such drivers are for GPL modules; "Dual MIT/GPL" is one. */
MODULE_LICENSE("Dual MIT/GPL");
